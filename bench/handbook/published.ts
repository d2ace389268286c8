/** What the Handbook has for logistic regression on these two weeks, to four digits. */
const PUBLISHED = { auc_roc: 0.8705, average_precision: 0.6057, card_precision_at_k: 0.2914 };
const CLOSE = 0.0005;
/** no honest model reaches it on this data: the labels of the test week were known to it */
const LEAKED = 0.8;

export type Published = { readonly [name in keyof typeof PUBLISHED]: number | null };

/** One line a metric: what was found, and whether it is what was published. */
export function compared(found: Published): { readonly lines: readonly string[]; readonly met: boolean } {
  const checks = Object.entries(PUBLISHED).map(([name, published]) => {
    const value = found[name as keyof Published];
    const met = value !== null && Math.abs(value - published) <= CLOSE;
    return { met, line: `${name} ${value?.toFixed(5) ?? 'null'}, published ${published}: ${met ? 'met' : 'NOT MET'}` };
  });
  const leaked = (found.average_precision ?? 0) > LEAKED;
  return {
    lines: [...checks.map(({ line }) => line), ...(leaked ? [`average precision above ${LEAKED}: labels have leaked`] : [])],
    met: !leaked && checks.every(({ met }) => met),
  };
}
