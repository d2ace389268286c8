import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BatchProgress } from './batch/progress.ts';
import { Harness } from './harness.case.ts';
import type { AnalyzeOptions } from './run-options.ts';
import { startAnalyzer } from './start.ts';

const yaml = `
version: 1
name: notes
schemas:
  note: { type: record, name: Note, fields: [{ name: id, type: long }, { name: at, type: long }] }
preprocess:
  sources: [{ id: in, type: file, path: in.jsonl, format: json, schema: note }]
  outputs: [{ id: unused, topic: unused }]
analyze:
  trigger: { every: 0s }
  sources: [{ id: notes, topic: notes, format: json, schema: note, event_time: { field: at } }]
  queries: [{ id: counts, type: aggregate, window: { tumbling: 1s }, watermark: 0s, select: { n: "count(*)" } }]
  sinks: [{ id: lines, type: file, path: lines.jsonl, format: json }]
`;

let of: Harness;
let dataDir: string;
beforeEach(async () => {
  of = await new Harness().load(yaml);
  dataDir = mkdtempSync(join(of.dir, 'data-'));
});
afterEach(() => rmSync(of.dir, { recursive: true }));

const options = (more: Partial<AnalyzeOptions>): AnalyzeOptions => ({
  plan: of.plan,
  profile: { ...defaultProfile, transport: { type: 'embedded', partitions: 2, kafka: null } },
  dataDir,
  clock: systemClock,
  signal: new AbortController().signal,
  untilEnd: null,
  onProgress: () => {},
  onBatch: () => {},
  onEvent: () => {},
  ...more,
});

it('works on a thread of its own on what others append, and ends when told that the record stage has', async () => {
  const wake = new SharedArrayBuffer(8);
  const transport = openEmbedded(dataDir, { wake });
  const stop = new AbortController();
  let rows = 0;
  const append = async (): Promise<void> => {
    const out = transport.log.appender('notes');
    for (const at of [1, 999, 1000]) {
      const pos = out.begin(0, 1, Buffer.alloc(0), 0, -1);
      out.end(pos + out.buffer.write(JSON.stringify({ id: at, at }), pos));
    }
    await transport.commit({ appenders: [out], puts: [] });
  };
  let waiting = true;
  const onProgress = (): void => {
    if (waiting) void append();
    waiting = false;
  };
  const onBatch = (batch: BatchProgress): void => {
    rows += batch.numInputRows;
    if (rows === 3) stop.abort();
  };
  await expect(startAnalyzer(options({ wake, signal: stop.signal, onProgress, onBatch }))).resolves.toMatchObject({ rowsIn: 3, state: 'done' });
  await expect(startAnalyzer(options({ wake, untilEnd: Promise.resolve() }))).resolves.toMatchObject({ rowsIn: 0, state: 'done' });
  expect(readFileSync(join(of.dir, 'lines.jsonl'), 'utf8')).toBe('{"n":2,"window_start":0,"window_end":1000}\n{"n":1,"window_start":1000,"window_end":2000}\n');
  await transport.close();
});

it('stops when told, and gives back what it owns', async () => {
  const stop = new AbortController();
  const run = startAnalyzer(options({ signal: stop.signal, onProgress: () => stop.abort() }));
  await expect(run).resolves.toMatchObject({ state: 'done', batches: 0 });
});

it('says what went wrong on its thread, and what in the record stage', async () => {
  const sinks = of.plan.analyze.sinks.map((sink) => ({ ...sink, path: '/dev/null/lines' }));
  const plan = { ...of.plan, analyze: { ...of.plan.analyze, sinks } };
  await expect(startAnalyzer(options({ plan }))).rejects.toMatchObject({ code: 'sink_unwritable' });
  await expect(startAnalyzer(options({ untilEnd: Promise.reject(new Error('the record stage failed')) }))).rejects.toThrow('the record stage failed');
});
