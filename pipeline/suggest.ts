/** Edit distance with neighbouring swaps (optimal string alignment), given up above `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}

/** The name nearest to what was written, if one is near enough to be meant. */
function nearest(written: string, names: Iterable<string>): string | undefined {
  const wanted = written.slice(0, 80).toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const name of names) {
    const away = distance(wanted, name.toLowerCase(), limit);
    if (away < least) {
      least = away;
      best = name;
    }
  }
  return best;
}

/** A hint for an unknown name: the nearest, else what there is. */
export function didYouMean(written: string, names: Iterable<string>): string | undefined {
  const all = [...names];
  const near = nearest(written, all);
  if (near !== undefined) return `Did you mean ${near}?`;
  if (all.length === 0) return undefined;
  return all.length <= 20 ? `Known here: ${all.join(', ')}.` : undefined;
}
