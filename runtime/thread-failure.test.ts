import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MillraceError } from './errors.ts';
import { PlacedError } from './placed-error.ts';
import { errorOfThread, threadFailure } from './thread-failure.ts';

const across = (error: unknown): Error => errorOfThread(structuredClone(threadFailure(error)));

test('an error that is known comes out of a thread as it was', () => {
  const error = across(new MillraceError('fenced', 'taken', { hint: 'look' }));
  expect(error).toBeInstanceOf(MillraceError);
  expect(error).toMatchObject({ code: 'fenced', message: 'taken', hint: 'look' });
});

test('its place in a file comes with it', () => {
  const place = { file: 'p.yaml', line: 3, col: 7 };
  const error = across(new PlacedError('generator_failed', place, 'no'));
  expect(error).toBeInstanceOf(PlacedError);
  expect(error).toMatchObject({ code: 'generator_failed', message: 'no', place });
});

test('what the operating system refused is told as that', () => {
  const refused = (() => {
    try {
      return readFileSync('/nowhere/at/all');
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toBeInstanceOf(Error);
  const error = across(refused);
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open', message: (refused as Error).message });
});

test('a defect is told by its stack', () => {
  const error = across(new RangeError('beyond'));
  expect(error).not.toBeInstanceOf(MillraceError);
  expect(error.message).toContain('RangeError: beyond');
  expect(error).not.toHaveProperty('code');
});
