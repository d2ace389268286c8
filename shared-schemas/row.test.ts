import { expect, test } from 'vitest';
import { isSlot, rowMaker, slotGetter, slotSetter } from './row.ts';

test('rows of equal slots are of one class, whoever made them; other slots, another order or other numbers are another', () => {
  const numbers = new Set(['n']);
  const class_ = (...made: Parameters<typeof rowMaker>): unknown => Object.getPrototypeOf(rowMaker(...made)());
  expect(class_(['n', 'text'], numbers)).toBe(class_(['n', 'text'], new Set(numbers)));
  expect(class_(['n', 'text'])).not.toBe(class_(['n', 'text'], numbers));
  expect(class_(['text', 'n'], numbers)).not.toBe(class_(['n', 'text'], numbers));
  expect(class_(['n'], numbers)).not.toBe(class_(['n', 'text'], numbers));
});

test('slots begin as NULL, those of numbers as a number, and no row sees what another is given', () => {
  const make = rowMaker(['n', 'text'], new Set(['n']));
  const [one, other] = [make(), make()];
  slotSetter('text')(one, 'a');
  slotSetter('n')(one, 3n);
  expect([one, other]).toEqual([
    { n: 3n, text: 'a' },
    { n: 0.5, text: null },
  ]);
  expect(slotGetter('n')(one)).toBe(3n);
});

test('a name that is no slot makes no code', () => {
  expect(['a', '_b1', 'a-b', 'toString', '1a', ''].filter(isSlot)).toEqual(['a', '_b1']);
  for (const bad of ['a-b', 'constructor', 'a = 1; b']) {
    expect(() => rowMaker([bad])).toThrow('not a slot name');
    expect(() => slotGetter(bad)).toThrow('not a slot name');
    expect(() => slotSetter(bad)).toThrow('not a slot name');
  }
});
