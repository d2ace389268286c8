import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from './run.ts';

const source = '{ id: in, type: file, path: in.jsonl, format: json, schema: sale, key: shop, event_time: { field: at } }';
const schemas = 'sale: { type: record, name: Sale, fields: [{ name: shop, type: string }, { name: at, type: long }] }';
const yaml = `
version: 1
name: shop
schemas: { ${schemas} }
preprocess:
  sources: [${source}]
  outputs:
    - { id: bridge, topic: sales, schema: sale }
    - { id: plain, from: in, topic: plain, schema: sale }
analyze:
  sources: [{ id: sales, output: bridge }]
  sinks: [{ id: out, from: sales, type: topic, topic: out }]
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-bridge-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function go(text: string, transport: MemoryTransport): Promise<void> {
  writeFileSync(join(dir, 'p.yaml'), text);
  const { plan, findings } = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const progress = await run({
    plan: plan as Plan,
    profile: { ...defaultProfile, transport: { type: 'memory', partitions: 3, kafka: null } },
    dataDir: join(dir, 'data'),
    untilEnd: true,
    clock: systemClock,
    signal: new AbortController().signal,
    onProgress: () => {},
    onEvent: () => {},
    transport,
  });
  expect(progress).toMatchObject({ state: 'done', deadLetters: 0 });
}

/** of each partition the kinds of what is in it, with watermark and number */
function heard(transport: MemoryTransport, topic: string): (readonly [kind: string, watermark: number, seq: number])[][] {
  return Array.from({ length: 3 }, (_, p) => {
    const header = new HeaderReader();
    const reader = transport.log.reader(topic, p, { offset: 0 });
    const all: (readonly [string, number, number])[] = [];
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++) {
        header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number);
        all.push([header.heartbeat ? header.kind : 'record', header.watermark, header.seq]);
      }
    }
    return all;
  });
}

it('tells every partition of a bridge how far event time is, and who writes it', async () => {
  writeFileSync(join(dir, 'in.jsonl'), [5000, 9000, 7000].map((at) => `${JSON.stringify({ shop: 'a', at })}\n`).join(''));
  const transport = openMemory();
  await go(yaml, transport);
  const sales = heard(transport, 'sales');
  const held = sales.findIndex((records) => records.some(([kind]) => kind === 'record'));
  expect(sales[held]?.filter(([kind]) => kind === 'record')).toEqual([
    ['record', Number.NEGATIVE_INFINITY, 1],
    ['record', 4999, 2],
    ['record', 8999, 3],
  ]);
  for (const [p, records] of sales.entries()) {
    const seq = p === held ? 3 : 0;
    expect(records.at(-1)).toEqual(['end', 8999, seq]);
  }
  expect(JSON.parse(transport.log.topic('sales')?.meta['writers'] ?? '')).toEqual([0]);
  expect(heard(transport, 'plain').flat()).toHaveLength(3);
  expect(transport.log.topic('plain')?.meta['writers']).toBeUndefined();
});

it('is read by another pipeline as any topic', async () => {
  writeFileSync(join(dir, 'in.jsonl'), '{"shop":"a","at":1}\n');
  const transport = openMemory();
  await go(yaml, transport);
  await go(
    `
version: 1
name: reader
schemas: { ${schemas} }
preprocess:
  sources: [{ id: sales, type: topic, topic: sales, format: avro, schema: sale, event_time: { field: at } }]
  outputs: [{ id: copy, topic: copy }]
`,
    transport,
  );
  expect(heard(transport, 'copy').flat()).toHaveLength(1);
});
