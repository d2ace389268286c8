const DAY = 86_400_000;

/**
 * The score from which so many cards a day raise an alert: over the rows given, the highest threshold at which at least `perDay` cards
 * a day on the mean have a score at or above it. Days are UTC, counted where rows are. A row without a card is a card of its own. null without rows.
 */
export function alertThreshold(
  rows: Iterable<{ readonly time: number; readonly card: string | null; readonly score: number | null }>,
  perDay: number,
): number | null {
  const highest = new Map<number, Map<string, number>>();
  let nameless = 0;
  for (const { time, card, score } of rows) {
    if (score === null) continue;
    const day = Math.floor(time / DAY);
    let cards = highest.get(day);
    if (cards === undefined) {
      cards = new Map();
      highest.set(day, cards);
    }
    const name = card === null ? `\0${nameless++}` : card;
    if (score > (cards.get(name) ?? Number.NEGATIVE_INFINITY)) cards.set(name, score);
  }
  const scores = [...highest.values()].flatMap((cards) => [...cards.values()]).sort((a, b) => b - a);
  if (scores.length === 0) return null;
  return scores[Math.min(perDay * highest.size, scores.length) - 1] as number;
}
