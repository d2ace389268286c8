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

test('a defect is told by its stack', () => {
  const error = across(new RangeError('beyond'));
  expect(error).not.toBeInstanceOf(MillraceError);
  expect(error.message).toContain('RangeError: beyond');
});
