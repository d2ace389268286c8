import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalText, decimalToDouble, exact, exactNumber, floorDiv, millisOf, scaledDigits, times } from './exact.ts';
import { fromTwos, toTwos } from './twos.ts';

const value = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.maxSafeInteger().map(BigInt),
  fc.constantFrom(0n, 2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n),
);
const floored = (a: bigint, b: bigint): bigint => (a % b < 0n ? a / b - 1n : a / b);

test('arithmetic is that of bigints, in the exact form', () => {
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 1e9 }), (a, b) => {
      expect(times(exact(a), b)).toBe(exact(a * BigInt(b)));
      expect(floorDiv(exact(a), b)).toBe(exact(floored(a, BigInt(b))));
      expect(millisOf(exact(a))).toBe(exact(a / 1000n));
    }),
    { numRuns: 3000 },
  );
  expect(times(-0, 5)).toBe(0);
  expect(millisOf(-1)).toBe(0);
  expect(millisOf(8_999_999_999_999_999)).toBe(8_999_999_999_999);
  expect(exactNumber(-0)).toBe(0);
  expect(exactNumber(2 ** 60)).toBe(2n ** 60n);
});

test('two’s complement comes back, shortest or of a size', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.integer({ min: 0, max: 3 }), (big, more) => {
      const bytes = toTwos(exact(big), null) as Uint8Array;
      expect(fromTwos(bytes)).toBe(exact(big));
      expect(fromTwos(toTwos(exact(big), bytes.length + more) as Uint8Array)).toBe(exact(big));
      expect(toTwos(exact(big), bytes.length - 1)).toBeNull();
    }),
  );
});

test('decimal digits', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.integer({ min: 0, max: 40 }), (big, scale) => {
      expect(scaledDigits(decimalText(exact(big), scale), scale)).toBe(exact(big));
    }),
  );
  expect(scaledDigits('1.250', 2)).toBe(125);
  expect(scaledDigits('1.251', 2)).toBeNull();
  expect(scaledDigits('125e-2', 2)).toBe(125);
  expect(scaledDigits('0e999999999999', 2)).toBe(0);
  expect(scaledDigits('1e999999999999', 2)).toBeNull();
  expect(scaledDigits('-0.00', 1)).toBe(0);
  for (const text of ['', '.', '-', 'e5', '1e', '0x1', ' 1', '1 ', '1.2.3']) expect(scaledDigits(text, 2)).toBeNull();
  expect(decimalText(5, 3)).toBe('0.005');
  expect(decimalText(-5, 1)).toBe('-0.5');
  expect(decimalToDouble(1, 1)).toBe(0.1);
  expect(decimalToDouble(2n ** 53n + 1n, 0)).toBe(2 ** 53);
  expect(decimalToDouble(123456789012345678901n, 10)).toBe(12345678901.234568);
  expect(decimalToDouble(3, 30)).toBe(3e-30);
});
