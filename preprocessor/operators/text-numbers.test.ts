import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashOf, TextNumbers } from './text-numbers.ts';

/** A few texts, some of them long, some that differ at the end only, and so many that places are short. */
const texts = [
  ...Array.from({ length: 300 }, (_, i) => `card-${i}`),
  ...Array.from({ length: 20 }, (_, i) => `${'long '.repeat(10)}${i}`),
  '',
  'é',
  '\u{1f600}',
  'a'.repeat(32),
  'a'.repeat(33),
];

test('is a Map from text to number, whatever comes and goes', () => {
  const command = fc.tuple(fc.nat(texts.length - 1), fc.boolean());
  fc.assert(
    fc.property(fc.array(command, { maxLength: 1500, size: 'max' }), (commands) => {
      const known: string[] = [];
      const free: number[] = [];
      const model = new Map<string, number>();
      const numbers = new TextNumbers(known);
      for (const [i, add] of commands) {
        const text = texts[i];
        const number = model.get(text);
        expect(numbers.get(text)).toBe(number ?? -1);
        if (add && number === undefined) {
          const fresh = free.pop() ?? known.length;
          known[fresh] = text;
          numbers.set(text, fresh);
          model.set(text, fresh);
        } else if (!add && number !== undefined) {
          numbers.delete(text);
          known[number] = '';
          free.push(number);
          model.delete(text);
        }
      }
      for (const text of texts) expect(numbers.get(text)).toBe(model.get(text) ?? -1);
    }),
    { numRuns: 50 },
  );
});

test('keys that were chosen to meet in one place are found all the same', () => {
  const chosen: string[] = [];
  for (let i = 0; chosen.length < 60; i++) if ((hashOf(`k${i}`) & 0xfff) === 7) chosen.push(`k${i}`);
  const known: string[] = [];
  const numbers = new TextNumbers(known);
  for (const text of chosen) numbers.set(text, known.push(text) - 1);
  for (const [i, text] of chosen.entries()) expect(numbers.get(text)).toBe(i);
  for (const [i, text] of chosen.entries()) if (i % 2 === 0) numbers.delete(text);
  for (const [i, text] of chosen.entries()) expect(numbers.get(text)).toBe(i % 2 === 0 ? -1 : i);
});
