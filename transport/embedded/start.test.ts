import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Environment } from './environment.ts';
import { openEmbedded } from './open.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-start-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

test.each([1, 2, 3, 4, 5, 6])('the first batch of a partition is read whole when it is committed in the middle of a look (at its step %d)', async (step) => {
  const mine = openEmbedded(dir);
  const other = openEmbedded(dir);
  await mine.log.ensure('t', 1);
  const out = other.log.appender('t');
  for (let i = 0; i < 3; i++) out.null(0, 1, Buffer.from('k'), 0, 1);
  const reader = mine.log.reader('t', 0, { offset: 0 });
  const { refresh } = Environment.prototype;
  let looks = 0;
  vi.spyOn(Environment.prototype, 'refresh').mockImplementation(function (this: Environment) {
    refresh.call(this);
    if (++looks === step) other.commit({ appenders: [out], puts: [] });
  });
  const read: number[] = [];
  for (let polls = 0; polls < 5; polls++) {
    const view = reader.poll(1 << 20);
    if (view === null) continue;
    read.push(...view.offsets.subarray(0, view.count));
    view.release();
  }
  expect(looks).toBeGreaterThanOrEqual(step);
  expect(read).toEqual([0, 1, 2]);
  await mine.close();
  await other.close();
});
