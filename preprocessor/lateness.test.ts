import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { timingOf } from '@millrace/pipeline/timing.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { readHeaders } from '@millrace/shared-schemas/header.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';

const yaml = `
version: 1
name: late
schemas: { sale: { type: record, name: Sale, fields: [ { name: id, type: long }, { name: shop, type: string }, { name: city, type: string }, { name: t, type: long } ] } }
preprocess:
  sources:
    - { id: sales, type: file, path: sales.jsonl, format: json, schema: sale, event_time: { field: t, out_of_order: 5s } }
  steps:
    - { id: once, type: dedupe, key: id, within: 1m }
    - { id: slides, type: window, key: shop, window: { sliding: 20s, every: 5s }, select: { n: "count(*)", ids: "sum(id)" } }
    - { id: repeats, type: window, from: once, key: shop, window: { tumbling: 10s }, allowed_lateness: 15s, select: { n: "count(*)", ids: "sum(id)" } }
    - { id: recent, type: rolling, from: once, key: shop, range: 30s, allowed_lateness: 20s, emit: on_watermark, add: { seen: "sum(id)" } }
    - { id: cities, type: window, key: city, window: { sliding: 20s, every: 5s }, select: { n: "count(*)", seen: "sum(seen)" } }
  outputs:
    - { id: a, from: slides, type: file, path: slides.csv, format: csv }
    - { id: b, from: repeats, type: file, path: repeats.csv, format: csv }
    - { id: c, from: recent, type: file, path: recent.csv, format: csv }
    - { id: d, from: cities, type: file, path: cities.csv, format: csv }
`;
const OUT_OF_ORDER = 5000;
const FILES = ['slides.csv', 'repeats.csv', 'recent.csv', 'cities.csv'] as const;
type Results = Record<(typeof FILES)[number], string[]> & { late: Record<string, number> };

interface Sale {
  readonly id: number;
  readonly shop: string;
  readonly city: string;
  readonly t: number;
}

/** One in twenty comes up to 40 s after its time. */
function sales(count: number): Sale[] {
  const random = seededRandom(11);
  return Array.from({ length: count }, (_, id) => {
    const behind = random.uniform() < 0.05 ? random.uniform() * 40_000 : random.uniform() * 4000;
    return { id, shop: `s${random.below(5)}`, city: `c${id % 3}`, t: Math.floor(1_700_000_000_000 + id * 80 - behind) };
  });
}

const all = sales(1500);
let root: string;
let straight: Results;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-late-'));
  straight = await results('straight', 100_000);
});
afterAll(() => rmSync(root, { recursive: true }));

/** Runs to the end in a place of its own, `maxRecords` a turn; `dies`: at every so many commits the process dies and another goes on. */
async function results(name: string, maxRecords: number, dies = Number.POSITIVE_INFINITY): Promise<Results> {
  const dir = join(root, name);
  mkdirSync(dir);
  writeFileSync(join(dir, 'p.yaml'), yaml);
  writeFileSync(join(dir, 'sales.jsonl'), all.map((sale) => `${JSON.stringify(sale)}\n`).join(''));
  const { plan, findings } = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(findings).toEqual([]);
  const transport = openMemory();
  let commits = 0;
  const dying: typeof transport = Object.create(transport, {
    commit: {
      value: (...args: Parameters<typeof transport.commit>) => {
        transport.commit(...args);
        if (++commits % dies === 0) throw new Error('dead');
      },
    },
  });
  const late: Record<string, number> = {};
  for (let life = 0; life < 500; life++) {
    const done = await run({
      plan: plan as Plan,
      profile: { ...defaultProfile, checkpoint: { path: null, every: 50 }, transport: { type: 'memory', partitions: 4, kafka: null } },
      dataDir: join(dir, 'data'),
      untilEnd: true,
      clock: systemClock,
      signal: new AbortController().signal,
      onProgress: () => {},
      onEvent: () => {},
      transport: dying,
      maxRecords,
    }).catch((error: Error) => {
      if (error.message !== 'dead') throw error;
      return null;
    });
    if (done !== null) break;
  }
  for (let p = 0; p < 4; p++) {
    const reader = transport.log.reader((plan as Plan).deadLetter.topic, p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++) {
        const headers = Object.fromEntries(readHeaders(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number));
        const letter = ['error.step', 'error.message', 'error.offset'].map((header) => String(headers[header])).join(' ');
        late[letter] = (late[letter] ?? 0) + 1;
      }
    }
  }
  const lines = (file: string): string[] => readFileSync(join(dir, file), 'utf8').split('\n').filter(Boolean).sort();
  return { ...(Object.fromEntries(FILES.map((file) => [file, lines(file)])) as Record<(typeof FILES)[number], string[]>), late };
}

describe('lateness behind exchanges of several writers', () => {
  it('is what the one source says: a window has every record that came before its own watermark closed it', () => {
    const expected = new Map<string, [n: number, ids: number]>();
    let watermark = Number.NEGATIVE_INFINITY;
    for (const { id, shop, t } of all) {
      const last = t - (t % 5000);
      for (let start = last - 15_000; start <= last; start += 5000) {
        if (start + 20_000 - 1 <= watermark) continue;
        const [n, ids] = expected.get(`${shop},${start}`) ?? [0, 0];
        expected.set(`${shop},${start}`, [n + 1, ids + id]);
      }
      watermark = Math.max(watermark, t - OUT_OF_ORDER - 1);
    }
    const rows = [...expected].map(([key, [n, ids]]) => {
      const [shop, start] = key.split(',');
      return `${shop},${n},${ids},${start},${Number(start) + 20_000}`;
    });
    expect(straight['slides.csv'].slice(0, -1)).toEqual(rows.sort());
  });

  it('shows in the late firings and in the dead letters', () => {
    const windows = new Set(
      straight['repeats.csv'].map((line) =>
        line
          .split(',')
          .filter((_, i) => i !== 1 && i !== 2)
          .join(','),
      ),
    );
    expect(straight['repeats.csv'].length).toBeGreaterThan(windows.size + 10);
    expect(Object.keys(straight.late).map((letter) => letter.split(' ')[0])).toEqual(expect.arrayContaining(['slides', 'repeats', 'cities']));
  });

  it('is the same however many records a turn takes', async () => {
    for (const maxRecords of [11, 100]) expect(await results(`by-${maxRecords}`, maxRecords)).toEqual(straight);
  });

  it('is the same however often the process dies', async () => {
    for (const dies of [23]) expect(await results(`dies-${dies}`, 60, dies)).toEqual(straight);
  });

  it('so explain marks nothing of it', async () => {
    const { plan } = await loadPipeline(join(root, 'straight', 'p.yaml'), { env: {} });
    expect(timingOf(plan as Plan)).toEqual(new Map());
  });
});
