/** A card on a day: its highest score, and whether any of its rows is positive. */
interface CardDay {
  readonly card: string;
  score: number;
  positive: boolean;
}

const DAY = 86_400_000;

/**
 * Card precision top-k of the Fraud Detection Handbook (Le Borgne et al., chapter 4, "Precision top-k metrics"). A day (UTC) at a
 * time: a card has its highest score and its highest label of that day; the k cards of highest score are looked at; those that are
 * positive are found, and are left out on all later days. Found / k is the day's precision (k also where fewer cards are left), and
 * the metric is the mean over the days that have rows. Of cards with equal scores those of lesser code units come first, which the
 * Handbook leaves open. null without rows.
 */
export function cardPrecision(times: Float64Array, cards: readonly string[], scores: Float64Array, labels: Uint8Array, k: number): number | null {
  const days = new Map<number, Map<string, CardDay>>();
  for (let i = 0; i < times.length; i++) {
    const day = Math.floor(times[i] / DAY);
    const ofDay = days.get(day) ?? new Map<string, CardDay>();
    days.set(day, ofDay);
    const seen = ofDay.get(cards[i]);
    if (seen === undefined) ofDay.set(cards[i], { card: cards[i], score: scores[i], positive: labels[i] === 1 });
    else {
      if (scores[i] > seen.score) seen.score = scores[i];
      if (labels[i] === 1) seen.positive = true;
    }
  }
  if (days.size === 0) return null;
  const found = new Set<string>();
  let sum = 0;
  for (const day of [...days.keys()].sort((a, b) => a - b)) {
    const rest = [...(days.get(day)?.values() ?? [])].filter(({ card }) => !found.has(card));
    rest.sort((a, b) => b.score - a.score || (a.card < b.card ? -1 : 1));
    const hits = rest.slice(0, k).filter(({ positive }) => positive);
    for (const { card } of hits) found.add(card);
    sum += hits.length / k;
  }
  return sum / days.size;
}
