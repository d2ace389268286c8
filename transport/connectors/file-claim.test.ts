import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileClaim } from './file-claim.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-claim-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('the last who took it has it, though it does not yet work, and gives back only its own', () => {
  const take = (): FileClaim => FileClaim.take(join(dir, 'out')) as FileClaim;
  const [a, b] = [take(), take()];
  expect([a.contested, b.contested]).toEqual([false, true]);
  expect([a.holds, b.holds]).toEqual([false, true]);
  const c = take();
  expect([a.holds, b.holds, c.holds, c.contested]).toEqual([false, false, true, true]);
  c.settle();
  expect(readdirSync(dir)).toEqual(['.out.owner-3']);
  for (const old of [a, b]) old.release();
  expect(c.holds).toBe(true);
  c.release();
  expect(readdirSync(dir)).toEqual([]);
  // numbers begin anew: an old claim of the same number is none
  const d = take();
  expect([a.holds, d.holds, d.contested]).toEqual([false, true, false]);
  a.release();
  expect(d.holds).toBe(true);
  d.release();
});
