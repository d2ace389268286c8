import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workshop } from './support/workshop.ts';

const at = workshop();
const RECORDS = 40_000;

const pipeline = `version: 1
name: full
schemas:
  sale: { type: record, name: Sale, fields: [ { name: id, type: string }, { name: shop, type: string }, { name: amount, type: long }, { name: at, type: long } ] }
  per: { type: record, name: Per, fields: [ { name: shop, type: string }, { name: n, type: long }, { name: total, type: long } ] }
preprocess:
  sources:
    - { id: sales, type: file, path: in.jsonl, format: json, schema: sale, key: id, event_time: { field: at } }
  steps:
    - { id: all, type: map, set: { twice: "amount * 2" } }
    - { id: per, type: window, key: shop, window: { tumbling: 10s }, select: { n: "count(*)", total: "sum(amount)" } }
  outputs:
    - { id: everything, from: all, topic: everything }
    - { id: bridge, from: per, topic: per, schema: per, format: avro }
    - { id: rows, from: per, type: file, path: out/rows.jsonl, format: json }
analyze:
  trigger: { every: 100ms }
  sources: [{ id: minutes, output: bridge }]
  queries: [{ id: totals, type: aggregate, from: minutes, group_by: [shop], mode: complete, select: { n: "sum(n)", total: "sum(total)" } }]
  sinks: [{ id: sums, type: file, format: json, path: out/sums.jsonl }]
`;

beforeEach(() => {
  at.put('p.yaml', pipeline);
  const sale = (i: number): string => JSON.stringify({ id: `s${i % 3}`, shop: `shop${i % 7}`, amount: i % 5, at: i * 100 });
  at.put('in.jsonl', Array.from({ length: RECORDS }, (_, i) => `${sale(i)}\n`).join(''));
});

/** one error, and nothing of the insides */
function full({ code, stderr }: { code: number | null; stderr: string }): void {
  expect(stderr).toMatch(/^millrace: storage_full .*\n {2}hint: Free some space/m);
  expect(stderr.match(/^millrace: /gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(code).toBe(1);
}

/** every record once, in both stages and in the topic */
async function whole(): Promise<void> {
  const sum = (rows: readonly Record<string, unknown>[], of: string): number => rows.reduce((all, row) => all + (row[of] as number), 0);
  for (const file of ['out/rows.jsonl', 'out/sums.jsonl']) {
    expect(sum(at.rows(file), 'n'), file).toBe(RECORDS);
    expect(sum(at.rows(file), 'total'), file).toBe(2 * RECORDS);
  }
  expect(at.rows('out/sums.jsonl')).toHaveLength(7);
  expect(await at.cat('everything')).toHaveLength(RECORDS);
}

it.each([16, 1000, 4000])('no file may be longer than %i KiB: one clear error, again while it stays like that, and then all of it', async (kib) => {
  const bin = fileURLToPath(new URL('../cli/bin/millrace.js', import.meta.url));
  const run = (): { code: number | null; stderr: string } => {
    // in blocks of 512 bytes
    const args = ['-c', `ulimit -f ${kib * 2}; exec "$0" "$@"`, process.execPath, bin, 'run', 'p.yaml', '--until', 'end', '--data-dir', 'data', '--json'];
    const { status, stderr } = spawnSync('sh', args, { cwd: at.path, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
    return { code: status, stderr };
  };
  full(run());
  full(run());
  await at.run();
  await whole();
});

/** Whether a file system of its own can be mounted: as root, outside of a container that forbids it. */
const MOUNTS = (() => {
  const place = mkdtempSync(join(tmpdir(), 'millrace-mount-'));
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]).status === 0;
  if (done) spawnSync('umount', [place]);
  rmSync(place, { recursive: true });
  return done;
})();

// skipped where nothing can be mounted (not root): the limit of a file's length above stands for it there
describe.skipIf(!MOUNTS)('a disk of its own', () => {
  const disk = (size: string, ...more: string[]): void =>
    void execFileSync('mount', ['-t', 'tmpfs', '-o', [`size=${size}`, ...more].join(), 'tmpfs', join(at.path, 'data')]);
  afterEach(() => void spawnSync('umount', [join(at.path, 'data')]));

  it.each(['4k', '64k', '3m'])('of %s: one clear error, again while it is full, and all of it once it is larger', async (size) => {
    at.put('data/x', '');
    disk(size);
    full(await at.refuse());
    full(await at.refuse());
    disk('300m', 'remount');
    await at.run();
    await whole();
  });
});
