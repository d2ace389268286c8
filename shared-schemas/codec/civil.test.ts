import fc from 'fast-check';
import { expect, test } from 'vitest';
import { civilOf, dateText, daysOf, parseDate, parseInstant } from './civil.ts';
import { exact } from './exact.ts';

test('days and dates, against Date where it reaches', () => {
  fc.assert(
    fc.property(fc.integer({ min: -90_000_000, max: 90_000_000 }), (days) => {
      const date = new Date(days * 86_400_000);
      const civil = civilOf(days);
      expect(civil).toStrictEqual([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]);
      expect(daysOf(...civil)).toBe(days);
      expect(parseDate(dateText(days))).toBe(days);
    }),
    { numRuns: 3000 },
  );
  expect(civilOf(-(2 ** 31))).toStrictEqual([-5877641, 6, 23]);
});

test('dates that are none', () => {
  for (const text of ['2023-02-29', '2023-13-01', '2023-00-10', '2023-1-1', '23-01-01', '2023-01-01 ', '2023-01-32', '']) expect(parseDate(text)).toBeNull();
});

test('instants, against Date.parse', () => {
  for (const text of [
    '2024-02-29T12:34:56.789Z',
    '1969-12-31T23:59:59.999Z',
    '2024-01-01T00:00:00+05:30',
    '2024-01-01T00:00-08:00',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
  ]) {
    expect(parseInstant(text)).toBe(exact(BigInt(Date.parse(text)) * 1000n));
  }
  expect(parseInstant('2024-01-01')).toBe(Date.UTC(2024, 0, 1) * 1000);
  expect(parseInstant('2024-01-01 01:02')).toBe(Date.UTC(2024, 0, 1, 1, 2) * 1000);
  expect(parseInstant('2024-01-01T00:00:00.123456789')).toBe(Date.UTC(2024, 0, 1) * 1000 + 123_456);
  expect(parseInstant('2024-01-01T00:00:00+0130')).toBe(Date.UTC(2023, 11, 31, 22, 30) * 1000);
  for (const text of ['2024-01-01T24:00', '2024-01-01T00:60', '2024-01-01T00:00:60', '2024-01-01T', '2024-02-30T00:00', 'now', '1700000000', '300000-01-01'])
    expect(parseInstant(text)).toBeNull();
});
