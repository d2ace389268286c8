import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';

const yaml = `
version: 1
name: two
schemas: { at: { type: record, name: At, fields: [ { name: t, type: long } ] } }
preprocess:
  sources:
    - { id: a, type: file, path: a.jsonl, format: json, schema: at, event_time: { field: t, idle_after: 20ms } }
    - { id: b, type: file, path: b.jsonl, format: json, schema: at, event_time: { field: t, out_of_order: 10s, idle_after: 20ms } }
  steps:
    - { id: both, type: map, from: [a, b], set: { k: "1" } }
    - { id: windows, type: window, key: k, window: { tumbling: 1s }, select: { n: "count(*)" } }
  outputs:
    - { id: out, type: file, path: out.jsonl, format: json }
`;

let dir: string;
let plan: Plan;
let transport: MemoryTransport;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-two-'));
  writeFileSync(join(dir, 'p.yaml'), yaml);
  const loaded = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(loaded.findings).toEqual([]);
  plan = loaded.plan as Plan;
  transport = openMemory();
});
afterEach(() => rmSync(dir, { recursive: true }));

const lines = (times: readonly number[]): string => times.map((t) => `{"t":${t}}\n`).join('');

/** runs to the end and gives the windows fired so far, by start, and how many records were dead-lettered in this run */
async function go(signal?: AbortSignal): Promise<{ fired: Record<number, number[]>; dead: number }> {
  const progress = await run({
    plan,
    profile: { ...defaultProfile, transport: { type: 'memory', partitions: 4, kafka: null } },
    dataDir: join(dir, 'data'),
    untilEnd: signal === undefined,
    clock: systemClock,
    signal: signal ?? new AbortController().signal,
    onProgress: () => {},
    onEvent: () => {},
    transport,
  });
  const fired: Record<number, number[]> = {};
  for (const line of readFileSync(join(dir, 'out.jsonl'), 'utf8').split('\n').filter(Boolean)) {
    const { n, window_start: start } = JSON.parse(line) as { n: number; window_start: number };
    fired[start] ??= [];
    fired[start].push(n);
  }
  return { fired, dead: progress.deadLetters };
}

describe('a task with several inputs', () => {
  it('is held back by one whose first record is still to come in the merge', async () => {
    writeFileSync(join(dir, 'a.jsonl'), lines([0, 5000, 9000]));
    // in order by its own measure, though behind all of a when its turn comes
    writeFileSync(join(dir, 'b.jsonl'), lines([9500, 500]));
    expect(await go()).toEqual({ fired: { 0: [2], 5000: [1], 9000: [2] }, dead: 0 });
  });

  it('goes to the furthest when all are idle, whichever fell silent last', async () => {
    writeFileSync(join(dir, 'a.jsonl'), lines([0, 7000]));
    writeFileSync(join(dir, 'b.jsonl'), lines([100]));
    expect(await go(AbortSignal.timeout(400))).toEqual({ fired: { 0: [2] }, dead: 0 });
  });

  it('goes on in the next run where the data of each stood', async () => {
    writeFileSync(join(dir, 'a.jsonl'), lines([0]));
    writeFileSync(join(dir, 'b.jsonl'), lines([100, 60_000]));
    expect(await go()).toEqual({ fired: { 0: [2], 60000: [1] }, dead: 0 });
    appendFileSync(join(dir, 'a.jsonl'), lines([200, 30_000]));
    expect(await go()).toEqual({ fired: { 0: [2, 3], 30000: [1], 60000: [1] }, dead: 0 });
  });
});
