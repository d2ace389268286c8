import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { removeOldCopies } from './old-copies.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-copies-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const NOW = Date.UTC(2026, 0, 10);
const HOUR = 3_600_000;

test('copies of other hosts, and those changed of late, stay', () => {
  expect(removeOldCopies(dir, 'millrace.shop.work.', NOW)).toBe(0);
  const make = (host: string, ...ages: number[]): void => {
    mkdirSync(join(dir, 'kafka', host), { recursive: true });
    for (const [i, age] of ages.entries()) {
      const file = join(dir, 'kafka', host, `${i}.mdb`);
      writeFileSync(file, '');
      utimesSync(file, new Date(NOW - age), new Date(NOW - age));
    }
  };
  make('millrace.shop.work.gone.17', 30 * HOUR, 25 * HOUR);
  make('millrace.shop.work.gone~2', 25 * HOUR);
  make('millrace.shop.work.here', 30 * HOUR, 23 * HOUR);
  make('millrace.shop.work.begun');
  make('millrace.shop.preprocess', 30 * HOUR);
  make('millrace.shopping.work.gone', 30 * HOUR);
  expect(removeOldCopies(dir, 'millrace.shop.work.', NOW)).toBe(2);
  expect(readdirSync(join(dir, 'kafka')).sort()).toEqual([
    'millrace.shop.preprocess',
    'millrace.shop.work.begun',
    'millrace.shop.work.here',
    'millrace.shopping.work.gone',
  ]);
});
