import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import type * as jsonDecoders from '@millrace/shared-schemas/json/decoder.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from './run.ts';
import type { RunProgress } from './run-options.ts';

/** a record whose text is this ends the process that decodes it */
const deadly = vi.hoisted(() => ({ text: '' }));
vi.mock('@millrace/shared-schemas/json/decoder.ts', async (original) => {
  const { jsonDecoder } = await original<typeof jsonDecoders>();
  const wrapped: typeof jsonDecoder = (...args) => {
    const decode = jsonDecoder(...args);
    return (row, buffer, start, end) => {
      if (deadly.text !== '' && buffer.toString('utf8', start, end) === deadly.text) throw new RangeError('out of memory');
      return decode(row, buffer, start, end);
    };
  };
  return { jsonDecoder: wrapped };
});

const yaml = `
version: 1
name: sales
schemas:
  sale:
    type: record
    name: Sale
    fields:
      - { name: id, type: string }
      - { name: shop, type: string }
      - { name: amount, type: long }
      - { name: at, type: long }
preprocess:
  sources:
    - { id: sales, type: file, path: in.jsonl, format: json, schema: sale, key: id, event_time: { field: at, out_of_order: 5s } }
  steps:
    - { id: positive, type: filter, where: "amount > 0" }
    - { id: cents, type: map, set: { cents: "amount * 100" } }
    - { id: windows, type: window, key: shop, window: { tumbling: 10s }, select: { n: "count(*)", total: "sum(cents)" } }
    - { id: seen, type: rolling, from: cents, key: id, range: 1m, add: { times: "count(*)" } }
  outputs:
    - { id: enriched, from: seen, topic: enriched }
    - { id: per_shop, from: windows, type: file, path: out/windows.jsonl, format: json }
    - { id: all, from: seen, type: file, path: out/all.jsonl, format: json }
`;

let dir: string;
let plan: Plan;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-run-'));
  writeFileSync(join(dir, 'p.yaml'), yaml);
  writeFileSync(join(dir, 'in.jsonl'), sales(0, 3000));
  const loaded = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(loaded.findings).toEqual([]);
  plan = loaded.plan as Plan;
});
afterEach(() => rmSync(dir, { recursive: true }));

function sales(from: number, to: number): string {
  const random = seededRandom(7, from);
  let text = '';
  for (let i = from; i < to; i++) {
    const at = 1_700_000_000_000 + i * 50 - random.below(10) * 1000;
    text +=
      i % 97 === 5
        ? `broken ${i}\n`
        : `${JSON.stringify({ id: `s${random.below(500)}`, shop: `shop${random.below(20)}`, amount: random.below(100) - 10, at })}\n`;
  }
  return text;
}

function go(transport: MemoryTransport, options: { every?: number; signal?: AbortSignal; maxRecords?: number } = {}): Promise<RunProgress> {
  return run({
    plan,
    profile: { ...defaultProfile, transport: { type: 'memory', partitions: 4, kafka: null }, checkpoint: { path: null, every: options.every ?? 5 } },
    dataDir: join(dir, 'data'),
    untilEnd: true,
    clock: systemClock,
    signal: options.signal ?? new AbortController().signal,
    onProgress: () => {},
    onEvent: () => {},
    transport,
    maxRecords: options.maxRecords ?? 100,
  });
}

/** everything the run left, sorted */
function left(transport: MemoryTransport): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  for (const file of ['windows', 'all']) {
    const path = join(dir, 'out', `${file}.jsonl`);
    all[file] = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).sort() : [];
  }
  for (const topic of ['enriched', 'sales.dead']) {
    const values: string[] = [];
    for (let p = 0; p < (transport.log.topic(topic)?.partitions ?? 0); p++) {
      const reader = transport.log.reader(topic, p, { offset: 0 });
      for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
        for (let i = 0; i < view.count; i++) values.push(`${p} ${view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])}`);
      }
    }
    all[topic] = values.sort();
  }
  return all;
}

describe('a run to the end', () => {
  it('takes every record once, closes every window, and dead-letters what is broken', async () => {
    const transport = openMemory();
    const progress = await go(transport);
    expect(progress).toMatchObject({ recordsIn: 3000, state: 'done' });
    const { windows, 'sales.dead': dead, all, enriched } = left(transport);
    const late = progress.deadLettersByCode['late'] ?? 0;
    expect(dead).toHaveLength(31 + late);
    expect(dead?.filter((line) => line.includes('broken'))).toHaveLength(31);
    expect(all).toHaveLength(progress.out['all'] as number);
    expect(enriched).toHaveLength(all?.length as number);
    const counted = windows?.reduce((sum, line) => sum + (JSON.parse(line) as { n: number }).n, 0);
    expect((counted as number) + late).toBe(all?.length);
  });

  it('writes nothing when it is run again, and goes on where it ended when there is more', async () => {
    const transport = openMemory();
    await go(transport);
    const first = left(transport);
    expect((await go(transport)).recordsIn).toBe(0);
    expect(left(transport)).toEqual(first);
    appendFileSync(join(dir, 'in.jsonl'), sales(3000, 3100));
    expect((await go(transport)).recordsIn).toBe(100);
    const { all, windows } = left(transport);
    expect(all?.length).toBeGreaterThan(first['all']?.length as number);
    // the windows that the end had closed repeat their row with everything so far
    const rows = (windows as string[]).map((line) => JSON.parse(line) as { shop: string; window_start: number; n: number });
    const repeated = rows.filter((row) => rows.some((other) => other !== row && other.shop === row.shop && other.window_start === row.window_start));
    expect(repeated.length).toBeGreaterThan(0);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('leaves the same answer wherever it dies (seed %i)', async (seed) => {
    const undisturbed = openMemory();
    await go(undisturbed);
    const expected = left(undisturbed);
    rmSync(join(dir, 'out'), { recursive: true });
    const transport = openMemory();
    const random = seededRandom(seed);
    let life = 6;
    let lives = 12;
    const die = (): void => {
      if (lives === 0 || --life > 0) return;
      life = 3 + random.below(10);
      lives--;
      throw new Error('killed');
    };
    // odd: the last commit is lost; even: it stands, and nobody was told
    if (seed % 2 === 1) transport.beforeCommit = die;
    else transport.afterCommit = die;
    const deaths = await untilDone(transport, 'killed', seed % 3 === 0 ? 0 : 5);
    expect(deaths).toBeGreaterThan(1);
    expect(left(transport)).toEqual(expected);
  });

  it('numbers together what two outputs that share a topic write', async () => {
    writeFileSync(join(dir, 'p.yaml'), `${yaml}    - { id: same, from: seen, topic: enriched }\n`);
    plan = (await loadPipeline(join(dir, 'p.yaml'), { env: {} })).plan as Plan;
    const transport = openMemory();
    const progress = await go(transport);
    expect(progress.out['same']).toBe(progress.out['enriched']);
    const header = new HeaderReader();
    const seqs: number[] = [];
    const reader = transport.log.reader('enriched', 0, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++) if (header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)) seqs.push(header.seq);
    }
    expect(seqs).toEqual(Array.from({ length: 2 * (progress.out['same'] as number) }, (_, i) => i + 1));
  });

  it('goes on with what it had when a step is edited, and begins an output whose path is new', async () => {
    const transport = openMemory();
    await go(transport);
    const first = left(transport)['windows'] as string[];
    appendFileSync(join(dir, 'in.jsonl'), sales(3000, 3100));
    writeFileSync(join(dir, 'p.yaml'), yaml.replace('out/windows.jsonl', 'out/elsewhere.jsonl').replace('amount > 0', 'amount > 1'));
    plan = (await loadPipeline(join(dir, 'p.yaml'), { env: {} })).plan as Plan;
    expect((await go(transport)).recordsIn).toBe(100);
    expect(left(transport)['windows']).toEqual(first);
    const rows = readFileSync(join(dir, 'out', 'elsewhere.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { window_start: number });
    // the first run's windows that the edit keeps are repeated only where a record of the second falls into them
    expect(rows.length).toBeGreaterThan(0);
    expect(Math.min(...rows.map((row) => row.window_start))).toBeGreaterThan(1_700_000_000_000 + 3000 * 50 - 40_000);
  });

  it('counts what it replays after a death only once, and shows the last watermark of the data', async () => {
    const calm = await go(openMemory());
    const last = 1_700_000_000_000 + 3000 * 50;
    expect(calm.watermark).toBeGreaterThan(last - 20_000);
    expect(calm.fraction).toBe(1);
    rmSync(join(dir, 'out'), { recursive: true });
    const transport = openMemory();
    let commits = 0;
    transport.afterCommit = () => {
      if (++commits === 20) throw new Error('killed');
    };
    await expect(go(transport, { every: 1e9 })).rejects.toThrow('killed');
    const taken = left(transport)['all']?.length as number;
    expect(taken).toBeGreaterThan(0);
    const after = await go(transport, { every: 1e9 });
    expect(after.recordsIn).toBeLessThan(calm.recordsIn);
    expect(after.out['all']).toBe((calm.out['all'] as number) - taken);
    expect(after.deadLettersByCode['undecodable']).toBeLessThan(calm.deadLettersByCode['undecodable'] as number);
    expect(after.watermark).toBe(calm.watermark);
  });

  it('names each step whose key a record lacks, though a log stands before them', async () => {
    writeFileSync(join(dir, 'in.jsonl'), '{"id":"a","shop":null,"amount":5,"at":1}\n');
    const twice = yaml.replace('  outputs:', '    - { id: first, type: dedupe, from: cents, key: shop, within: 1m }\n  outputs:');
    writeFileSync(join(dir, 'p.yaml'), twice.replace('{ name: shop, type: string }', '{ name: shop, type: ["null", string] }'));
    plan = (await loadPipeline(join(dir, 'p.yaml'), { env: {} })).plan as Plan;
    const transport = openMemory();
    await go(transport);
    const reader = transport.log.reader('sales.dead', 0, { offset: 0 });
    expect(reader.poll(1 << 20)?.buffer.toString('latin1')).toMatch(/error\.code.null_key.*error\.step.windows.*error\.code.null_key.*error\.step.first/s);
  });

  it('dead-letters a record that has ended the process three times', async () => {
    writeFileSync(join(dir, 'in.jsonl'), sales(0, 60));
    const transport = openMemory();
    const poison = sales(0, 60).split('\n')[17] as string;
    deadly.text = poison;
    expect(await untilDone(transport, 'out of memory', 1000)).toBe(5);
    deadly.text = '';
    const { 'sales.dead': dead, all } = left(transport);
    expect(dead).toEqual(['0 broken 5', `0 ${poison}`]);
    const expected = sales(0, 60)
      .split('\n')
      .filter((line) => line.startsWith('{') && line !== poison && !line.includes(':-') && !line.includes('"amount":0,'));
    expect(all).toHaveLength(expected.length);
  });

  it('dead-letters it also where it stands at the head of one of several inputs', async () => {
    const two = yaml
      .replace(
        '  steps:',
        '    - { id: more, type: file, path: more.jsonl, format: json, schema: sale, key: id, event_time: { field: at, out_of_order: 5s } }\n  steps:',
      )
      .replace('{ id: positive, type: filter,', '{ id: positive, type: filter, from: [sales, more],');
    writeFileSync(join(dir, 'two.yaml'), two);
    writeFileSync(join(dir, 'in.jsonl'), sales(0, 60));
    writeFileSync(join(dir, 'more.jsonl'), sales(60, 120));
    const loaded = await loadPipeline(join(dir, 'two.yaml'), { env: {} });
    expect(loaded.findings).toEqual([]);
    plan = loaded.plan as Plan;
    const poison = sales(60, 120).split('\n')[17] as string;
    const transport = openMemory();
    deadly.text = poison;
    expect(await untilDone(transport, 'out of memory', 1000)).toBe(5);
    deadly.text = '';
    const { 'sales.dead': dead } = left(transport);
    expect(dead?.filter((line) => line.endsWith(poison))).toHaveLength(1);
    expect(dead?.filter((line) => !line.endsWith(poison))).toEqual(dead?.filter((line) => line.includes('broken')));
  });

  it('blames no record for deaths on the way to it', async () => {
    writeFileSync(join(dir, 'in.jsonl'), sales(0, 60));
    const undisturbed = openMemory();
    await go(undisturbed);
    const expected = left(undisturbed);
    rmSync(join(dir, 'out'), { recursive: true });
    const transport = openMemory();
    const deaths = ['/progress', '/progress', '/suspect', '/pipeline', '/pipeline', '/pipeline', '/pipeline'];
    for (const at of deaths) {
      // the progress is lost; the suspect and the pipeline's record stand
      const die = ({ puts = [] }: { puts?: readonly (readonly [string, Uint8Array | null])[] }): void => {
        if (puts.some(([key]) => key.endsWith(at))) throw new Error('killed');
      };
      transport.beforeCommit = at === '/progress' ? die : null;
      transport.afterCommit = at === '/progress' ? null : die;
      await expect(go(transport), at).rejects.toThrow('killed');
    }
    transport.afterCommit = null;
    await go(transport);
    expect(left(transport)).toEqual(expected);
  });

  it('stops when told, and goes on as if nothing had been', async () => {
    const undisturbed = openMemory();
    await go(undisturbed);
    const expected = left(undisturbed);
    rmSync(join(dir, 'out'), { recursive: true });
    const transport = openMemory();
    const stop = new AbortController();
    let commits = 0;
    transport.afterCommit = () => {
      if (++commits === 6) stop.abort();
    };
    expect((await go(transport, { signal: stop.signal })).recordsIn).toBeGreaterThan(0);
    await go(transport);
    expect(left(transport)).toEqual(expected);
  });
});

/** starts over after every death with that message; gives the number of deaths */
async function untilDone(transport: MemoryTransport, message: string, every: number): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    try {
      await go(transport, { every });
      return deaths;
    } catch (error) {
      if ((error as Error).message !== message) throw error;
    }
  }
}
