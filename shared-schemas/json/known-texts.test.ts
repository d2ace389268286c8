import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { KnownTexts } from './known-texts.ts';

function of(known: KnownTexts, text: string): string | null {
  const bytes = Buffer.from(`{"a":"${text}"}`);
  const end = known.scan(bytes, 6);
  expect(end).toBe(6 + text.length);
  return known.text(bytes, 6, end);
}

test('a text is what its bytes say, among many others and one more time', () => {
  const known = new KnownTexts();
  const text = fc.oneof(fc.string({ maxLength: 61 }), fc.stringMatching(/^[ab]{0,6}$/)).filter((each) => !/["\\]/.test(each));
  fc.assert(
    fc.property(text, (each) => {
      expect(of(known, each)).toBe(each.length > 56 ? null : each);
      expect(of(known, each)).toBe(each.length > 56 ? null : each);
    }),
    { numRuns: 3000 },
  );
});

test.each(['__proto__', 'constructor', '17', '', 'x'.repeat(56)])('%j is a text like others', (text) => {
  const known = new KnownTexts();
  for (let again = 0; again < 3; again++) expect(of(known, text)).toBe(text);
  expect(Object.getPrototypeOf(known)).toBe(KnownTexts.prototype);
});

test('a scan ends where the bytes are not the text itself', () => {
  const ends = (text: string): number => new KnownTexts().scan(Buffer.from(text), 0);
  expect([ends('ab"c'), ends('ab\\"c'), ends('ab\tc'), ends('abé'), ends('abc')]).toEqual([2, 2, 2, 2, 3]);
});

test('it rests while texts do not come again, and takes them up when they may', () => {
  const known = new KnownTexts();
  const bytes = Buffer.from('1000000"');
  const next = (i: number): string | null => {
    bytes.latin1Write(String(1_000_000 + i), 0);
    return known.text(bytes, 0, known.scan(bytes, 0));
  };
  let looked = 0;
  for (let i = 0; i < 100_000; i++) if (next(i) === String(1_000_000 + i)) looked++;
  expect(looked).toBeGreaterThan(30_000);
  expect(looked).toBeLessThan(50_000);
  for (let i = 0; i < 1_000_000; i++) next(i % 9);
  for (let i = 0; i < 18; i++) expect(next(i % 9)).toBe(String(1_000_000 + (i % 9)));
});

test('thousands of texts that come again are the same strings', () => {
  const known = new KnownTexts();
  const texts = Array.from({ length: 9_000 }, (_, i) => Buffer.from(`card-${i}"`));
  for (let again = 0; again < 4; again++) for (const text of texts) known.text(text, 0, known.scan(text, 0));
  const made = vi.spyOn(Buffer.prototype, 'latin1Slice');
  for (const text of texts) known.text(text, 0, known.scan(text, 0));
  expect(made).not.toHaveBeenCalled();
  made.mockRestore();
});
