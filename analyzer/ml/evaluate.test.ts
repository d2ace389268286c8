import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cardPrecision } from './card-precision.ts';
import { compromisedCards, evaluate, noneCompromised, type ScoredOutcome } from './evaluate.ts';

const DAY = 86_400_000;
type Row = readonly [day: number, card: string, score: number, positive: boolean];

const precision = (rows: readonly Row[], k: number): number | null =>
  cardPrecision(
    Float64Array.from(rows, ([day], i) => day * DAY + (i % 1000)),
    rows.map(([, card]) => card),
    Float64Array.from(rows, ([, , score]) => score),
    Uint8Array.from(rows, ([, , , positive]) => (positive ? 1 : 0)),
    k,
  );

test('a card has its highest score and its highest label of the day, not those of one row', () => {
  const rows: Row[] = [
    [0, 'a', 0.9, false],
    [0, 'a', 0.1, true],
    [0, 'b', 0.5, false],
    [0, 'c', 0.4, true],
  ];
  expect(precision(rows, 1)).toBe(1);
  expect(precision(rows, 2)).toBe(0.5);
});

test('a card that was found is out of the later days; one that was missed is not', () => {
  const rows: Row[] = [
    [0, 'a', 0.9, true],
    [0, 'm', 0.1, true],
    [1, 'a', 0.9, true],
    [1, 'b', 0.8, false],
    [2, 'm', 0.7, true],
  ];
  expect(precision(rows, 1)).toBeCloseTo((1 + 0 + 1) / 3, 12);
});

test('the mean is over days that have rows; k counts in full where cards are fewer', () => {
  expect(
    precision(
      [
        [0, 'a', 0.9, true],
        [5, 'b', 0.9, true],
      ],
      4,
    ),
  ).toBe(0.25);
  expect(precision([], 4)).toBeNull();
});

test('the order of rows and a monotone change of scores change nothing', () => {
  const row = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 0, max: 5 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (rows, k) => {
      const found = precision(rows, k);
      expect(precision(rows.toReversed(), k)).toBe(found);
      expect(
        precision(
          rows.map(([day, card, score, positive]) => [day, card, Math.exp(score) - 3, positive] as const),
          k,
        ),
      ).toBe(found);
      expect(found).toBeLessThanOrEqual(1);
    }),
  );
});

test('a card is known on a day when it was positive before the day began less the delay', () => {
  const at = (time: number) => ({ card: 'a', time, positive: true });
  const known = (time: number, day: number) => compromisedCards([at(time)], 10 * DAY, 7 * DAY).knownAt('a', day * DAY + 5);
  expect(known(12 * DAY - 1, 19)).toBe(true);
  expect(known(12 * DAY, 19)).toBe(false);
  expect(known(12 * DAY, 20)).toBe(true);
  expect(known(10 * DAY - 1, 20)).toBe(false);
  const both = [at(30 * DAY), at(11 * DAY)];
  for (const rows of [both, both.toReversed()]) expect(compromisedCards(rows, 10 * DAY, 7 * DAY).knownAt('a', 20 * DAY)).toBe(true);
  const others = [
    { card: null, time: 11 * DAY, positive: true },
    { card: 'b', time: 11 * DAY, positive: false },
  ];
  expect(compromisedCards(others, 10 * DAY, 7 * DAY).knownAt('b', 30 * DAY)).toBe(false);
});

test('only rows of the window with a score and a card not known count', () => {
  const rows: ScoredOutcome[] = [
    { time: 20 * DAY, card: 'a', positive: true, score: 0.9 },
    { time: 20 * DAY, card: 'b', positive: false, score: 0.2 },
    { time: 20 * DAY, card: null, positive: true, score: 0.8 },
    { time: 20 * DAY, card: 'c', positive: true, score: null },
    { time: 20 * DAY, card: 'known', positive: true, score: 0.1 },
    { time: 20 * DAY - 1, card: 'b', positive: true, score: 0.1 },
    { time: 21 * DAY, card: 'b', positive: true, score: 0.1 },
  ];
  const compromised = compromisedCards([{ time: 11 * DAY, card: 'known', positive: true }], 10 * DAY, 7 * DAY);
  const judged = { from: 20 * DAY, to: 21 * DAY, k: 2, rows };
  expect(evaluate({ ...judged, compromised })).toEqual({
    from: 20 * DAY,
    to: 21 * DAY,
    rows: 3,
    positives: 2,
    auc_roc: 1,
    average_precision: 1,
    card_precision_at_k: 0.5,
    k: 2,
    log_loss: expect.closeTo(-Math.log(0.9 * 0.8 * 0.8) / 3, 12),
    brier: expect.closeTo((0.01 + 0.04 + 0.04) / 3, 12),
  });
  expect(evaluate({ ...judged, compromised: noneCompromised }).rows).toBe(4);
});
