/** Runs without an end: windows close as watermarks pass, idle partitions hold nothing back, and a stopped run goes on. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Millrace } from './support/cli.ts';
import { agg, bag, type Dated, type Fields, rowsOf, source, window } from './support/time-model.ts';
import { dead, end, place, produce, read, records } from './support/time-pipelines.ts';

const counted = (all: readonly Dated[]): Fields => ({ n: all.length, total: agg.sum(all, 'v') });

function pipeline(idleAfter: string): string {
  return `preprocess:
  sources: [ { id: in, type: topic, topic: events, format: json, schema: event, key: k, event_time: { field: t, out_of_order: 1s, idle_after: ${idleAfter} } } ]
  steps:
    - { id: by_k, type: window, key: k, window: { tumbling: 5s }, select: { n: "count(*)", total: "sum(v)" } }
    - { id: by_g, type: window, from: in, key: g, window: { tumbling: 5s }, select: { n: "count(*)", total: "sum(v)" } }
  outputs:
    - { id: a, from: by_k, type: file, path: a.jsonl, format: json }
    - { id: b, from: by_g, type: file, path: b.jsonl, format: json }
`;
}

const event = (k: string, t: number, g = 1): Fields => ({ id: 'i', k, g, v: 1, x: 0, tags: null, m: null, t });
const windows = (path: string): string[] => read(path).map((row) => `${row.k ?? row.g} ${row.window_start} ${row.n}`);

/** waits until `check` holds; fails with what it last saw */
async function until<T>(look: () => T, wanted: T, seconds = 15): Promise<void> {
  const stop = performance.now() + seconds * 1000;
  while (performance.now() < stop && JSON.stringify(look()) !== JSON.stringify(wanted)) await sleep(20);
  expect(look()).toEqual(wanted);
}

async function stopped(run: Millrace): Promise<void> {
  const begin = performance.now();
  const { code, signal, stderr } = await run.kill('SIGTERM');
  expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
  expect(performance.now() - begin).toBeLessThan(10_000);
}

test.each([1, 2])('idle partitions hold nothing back, on %i threads', async (threads) => {
  const { dir, pipeline: file, data } = place(`idle-${threads}`, pipeline('400ms'), { 'threads.yaml': `parallelism: ${threads}\n` });
  // of three partitions a and b have one each, and one never holds a record
  await produce(data, [event('a', 0), event('b', 100), event('a', 1000), event('b', 1100)], 3);
  const run = new Millrace(['run', file, '--data-dir', data, '--profile', join(dir, 'threads.yaml')]);
  try {
    await sleep(1500);
    // nothing has passed the end of the window, however idle all is
    expect(windows(join(dir, 'b.jsonl'))).toEqual([]);
    await produce(data, [event('a', 7000)], 3);
    // b says nothing more: its partition is idle, and what both make is complete
    await until(() => windows(join(dir, 'b.jsonl')), ['1 0 4']);
    await until(() => windows(join(dir, 'a.jsonl')).filter((row) => row.startsWith('a')), ['a 0 2']);
    // it speaks again, behind what has closed
    await produce(data, [event('b', 1200), event('b', 7100)], 3);
    await produce(data, [event('a', 14_000), event('b', 14_000)], 3);
    await until(() => windows(join(dir, 'b.jsonl')), ['1 0 4', '1 5000 2']);
  } finally {
    await stopped(run);
  }
  await end(file, data);
  expect(windows(join(dir, 'b.jsonl'))).toEqual(['1 0 4', '1 5000 2', '1 10000 2']);
  // behind what both had made, b's record was late, but not behind what b had made
  expect((await dead(data)).map(({ step, code }) => [step, code])).toEqual([['by_g', 'late']]);
  expect(windows(join(dir, 'a.jsonl'))).toContain('b 0 3');
});

test('a run that is stopped goes on, and the end closes the rest', async () => {
  const rows = records(51, 900, { disorder: 999, far: 999 });
  const { dir, pipeline: file, data } = place('stopped', pipeline('1m'));
  const parts = [rows.slice(0, 300), rows.slice(300, 600), rows.slice(600)];
  for (const [i, part] of parts.entries()) {
    await produce(data, part, 1);
    const run = new Millrace(['run', file, '--data-dir', data]);
    // all that the watermark has passed is out, and nothing else
    const wanted = rowsOf(window({ events: source([parts.slice(0, i + 1).flat()], 1000).events.slice(0, -1), late: [] }, { key: ['k'], size: 5000 }, counted));
    await until(() => read(join(dir, 'a.jsonl')).length, wanted.length);
    await stopped(run);
    expect(bag(read(join(dir, 'a.jsonl')))).toEqual(bag(wanted));
  }
  await end(file, data);
  for (const [name, key] of [
    ['a', 'k'],
    ['b', 'g'],
  ]) {
    expect.soft(bag(read(join(dir, `${name}.jsonl`)))).toEqual(bag(rowsOf(window(source([rows], 1000), { key: [key], size: 5000 }, counted))));
  }
  expect(await dead(data)).toEqual([]);
});
