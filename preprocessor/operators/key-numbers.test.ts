import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { expect, test } from 'vitest';
import { keyNumbers } from './key-numbers.ts';

const time = () => ({ eventTime: 0, watermark: 0, judged: 0, settled: 0, ending: false, origin: -1, originOffset: -1 });
const column = (slot: string, kind: 'VARCHAR' | 'DOUBLE' | 'BIGINT') => ({ name: slot, slot, type: { kind } as SqlType, nullable: true });

test('a key is one number for all steps, until the last lets go', () => {
  const task = time();
  const keys = keyNumbers(task, [column('k', 'VARCHAR')]);
  expect(keyNumbers(task, [column('k', 'VARCHAR')])).toBe(keys);
  expect(keys.find({ k: null })).toBe(false);
  expect(keys.find({ k: 'a' })).toBe(true);
  expect(keys.number).toBe(-1);
  const a = keys.hold('a');
  keys.find({ k: 'a' });
  expect(keys.number).toBe(a);
  expect(keys.hold('a')).toBe(a);
  const b = keys.hold('b');
  expect(b).not.toBe(a);
  keys.release(a);
  keys.find({ k: 'a' });
  expect(keys.number).toBe(a);
  keys.release(a);
  keys.find({ k: 'a' });
  expect(keys.number).toBe(-1);
  expect(keys.hold('c')).toBe(a);
  keys.find({ k: 'a' });
  expect(keys.number).toBe(-1);
});

test('numbers are keys as SQL has them equal, and are known by the text they were saved with', () => {
  const keys = keyNumbers(time(), [column('x', 'DOUBLE')]);
  const number = (x: number): number => {
    keys.find({ x });
    return keys.number;
  };
  const zero = keys.hold('0');
  const nan = keys.hold('"NaN"');
  expect([0, -0, Number.NaN, 0, Number.NaN, 1].map(number)).toEqual([zero, zero, nan, zero, nan, -1]);
  keys.release(zero);
  const again = keys.hold('7');
  expect([again, number(0), number(7), number(-0)]).toEqual([zero, -1, zero, -1]);
});

test('longs beyond doubles, and the same slot with another type', () => {
  const task = time();
  const keys = keyNumbers(task, [column('k', 'BIGINT')]);
  const big = keys.hold('9223372036854775807');
  keys.find({ k: 9223372036854775807n });
  expect(keys.number).toBe(big);
  const texts = keyNumbers(task, [column('k', 'VARCHAR')]);
  expect(texts).not.toBe(keys);
  expect(texts.find({ k: 'x' })).toBe(true);
});

test('several columns', () => {
  const keys = keyNumbers(time(), [column('k', 'VARCHAR'), column('x', 'BIGINT')]);
  const row = { k: 'a', x: 1 };
  const number = keys.hold(keys.text(row) as string);
  keys.find(row);
  expect(keys.number).toBe(number);
  keys.find({ k: 'a', x: 2 });
  expect(keys.number).toBe(-1);
  expect(keys.find({ k: 'a', x: null })).toBe(false);
});

test('small natural numbers, which an array holds, beside others', () => {
  const keys = keyNumbers(time(), [column('k', 'BIGINT')]);
  const find = (k: number): number => {
    keys.find({ k });
    return keys.number;
  };
  const some = [0, 1, 1023, 1024, 70_000, 2 ** 20 - 1, 2 ** 20, 2 ** 32, -1];
  expect(some.map(find)).toEqual(some.map(() => -1));
  const numbers = some.map((k) => keys.hold(String(k)));
  for (let round = 0; round < 2; round++) expect(some.map(find)).toEqual(numbers);
  for (const number of numbers) keys.release(number);
  expect(some.map(find)).toEqual(some.map(() => -1));
});
