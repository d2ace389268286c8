import { seededRandom } from '@millrace/runtime/random.ts';

/** epoch ms: event times of long ago */
export const START = Date.UTC(2018, 2, 1);

export interface SalesOptions {
  readonly seed: number;
  /** how many there are */
  readonly cards: number;
  readonly shops: number;
  /** the smallest amount */
  readonly least?: number;
}

/** JSON, up to 2 s out of order; a few a minute late, a few soon after one of the same card, and a few that no schema fits. */
export function saleLines(count: number, { seed, cards, shops, least = 0 }: SalesOptions): string[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const late = random.below(200) === 0 ? 60_000 : 0;
    const sale = {
      id: i,
      card: `c${random.below(cards)}`,
      shop: `s${random.below(shops)}`,
      cents: random.below(20_000) + least,
      at: START + i * 10 - random.below(2000) - late,
    };
    return JSON.stringify(i % 300 === 140 ? { ...sale, cents: 'many' } : sale);
  });
}

/** The CSV of a table of so many shops. */
export function shopLines(count: number): string[] {
  return ['shop,risk', ...Array.from({ length: count }, (_, i) => `s${i},${(i * 13) % 97}`)];
}
