import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layOut } from './layout.ts';
import { freshRecord } from './lifecycle.ts';
import { filesOf, migrate, misfits, statesOf } from './migrate.ts';
import { decodeCore, encodeCore, type TaskCore } from './task/core.ts';
import { freshCore, freshInput } from './task/fresh.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-migrate-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const yaml = `
version: 1
name: sales
schemas: { sale: { type: record, name: Sale, fields: [ { name: id, type: string }, { name: shop, type: string }, { name: at, type: long } ] } }
preprocess:
  sources:
    - { id: sales, type: file, path: in.jsonl, format: json, schema: sale, key: id, event_time: { field: at } }
  steps:
    - { id: once, type: dedupe, key: id, within: 1m }
    - { id: per, type: window, key: shop, window: { tumbling: 10s }, select: { n: "count(*)" } }
  outputs:
    - { id: rows, from: per, type: file, path: out/rows.jsonl, format: json }
    - { id: kept, from: once, type: file, path: out/kept.jsonl, format: json }
`;

async function planOf(text: string): Promise<Plan> {
  writeFileSync(join(dir, 'p.yaml'), text);
  const { plan, findings } = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
  expect(findings).toEqual([]);
  return plan as Plan;
}

/** What a stopped run of `yaml` over two partitions leaves. */
async function left(transport: MemoryTransport, plan: Plan): Promise<void> {
  await layOut(plan, transport.log, 2, 0);
  const core = (some: Partial<TaskCore>): Uint8Array => encodeCore({ ...freshCore(), run: 3, ended: true, ...some });
  const first = core({
    watermark: 70,
    inputs: [{ ...freshInput('sales/0'), offset: 9, base: { offset: 9, byte: 99 }, spoken: true, watermark: 70, maxTime: 71 }],
    outputs: { kept: { seqs: [], length: 40 } },
  });
  const second = (task: number): Uint8Array =>
    core({
      watermark: 60 + task,
      inputs: [
        {
          ...freshInput(`sales.per.exchange/${task}`),
          offset: 4,
          watermark: 60 + task,
          spoken: true,
          writers: [{ writer: 0, seq: 4, watermark: 60, idle: false, ended: 1 }],
        },
      ],
    });
  const [stage, next] = plan.stages.map(({ id }) => `p/sales/t/${encodeURIComponent(id)}`);
  transport.commit({
    appenders: [],
    puts: [
      [`${stage}.0/progress`, first],
      [`${stage}.0/cut`, first],
      [`${stage}.0/s/once/k`, Buffer.from('state of once')],
      ...[0, 1].flatMap((task): [string, Uint8Array][] => [
        [`${next}.${task}/progress`, second(task)],
        [`${next}.${task}/s/per/k/1`, Buffer.from(`state of per ${task}`)],
      ]),
    ],
  });
}

async function migrated(edited: string): Promise<{ cores: Map<string, TaskCore>; states: Map<string, string> }> {
  const transport = openMemory();
  const old = await planOf(yaml);
  await left(transport, old);
  const plan = await planOf(edited);
  transport.commit({ appenders: [], ...(await migrate(plan, await layOut(plan, transport.log, 2, 1), transport, filesOf(old))) });
  const cores = new Map<string, TaskCore>();
  const states = new Map<string, string>();
  for (const [key, value] of transport.ledger.entries('p/sales/t/')) {
    const name = decodeURIComponent(key.slice('p/sales/t/'.length));
    if (name.endsWith('/progress')) cores.set(name.slice(0, -'/progress'.length), decodeCore(value));
    else if (name.includes('/s/')) states.set(name, Buffer.from(value).toString());
  }
  return { cores, states };
}

describe('migrate', () => {
  it('keeps positions, file lengths and states; exchanges begin at their ends, with nobody heard', async () => {
    const { cores, states } = await migrated(yaml.replace('  steps:\n', '  steps:\n    - { id: all, type: filter, where: "true" }\n'));
    const source = [...cores.values()].find(({ inputs }) => inputs[0]?.name === 'sales/0');
    expect(source).toMatchObject({
      run: 3,
      ended: true,
      watermark: 70,
      inputs: [{ offset: 9, base: { offset: 9, byte: 99 }, watermark: 70, maxTime: 71, writers: [] }],
      outputs: { kept: { length: 40 } },
    });
    const behind = [...cores.values()].filter(({ inputs }) => inputs[0]?.name.startsWith('sales.per.exchange'));
    expect(behind.map(({ watermark, inputs }) => [watermark, inputs[0]?.offset, inputs[0]?.base, inputs[0]?.writers])).toEqual([
      [60, 0, { offset: 0 }, []],
      [61, 0, { offset: 0 }, []],
    ]);
    expect([...states.values()].sort()).toEqual(['state of once', 'state of per 0', 'state of per 1']);
  });

  it('forgets a step that is gone', async () => {
    const gone = yaml.replace(/.*id: per,.*\n/, '').replace(/.*id: rows.*\n/, '');
    expect([...(await migrated(gone)).states.values()]).toEqual(['state of once']);
  });

  it('begins a file at a new path', async () => {
    const { cores } = await migrated(yaml.replace('out/kept', 'out/other'));
    expect([...cores.values()].every(({ outputs }) => outputs['kept'] === undefined)).toBe(true);
  });

  it('refuses a state whose tasks would be others', async () => {
    // with the shop as the source's key the window needs no exchange, and runs in the one task of the file
    await expect(migrated(yaml.replace('key: id, event', 'key: shop, event'))).rejects.toMatchObject({
      code: 'plan_changed',
      message: expect.stringContaining('tasks and would run in'),
    });
  });
});

describe('misfits', () => {
  const old = async () => ({ ...freshRecord(await planOf(yaml), '0'), states: statesOf(await planOf(yaml)) });
  it.each([
    ['within: 1m', 'within: 2m', ['once']],
    ['tumbling: 10s', 'tumbling: 20s', ['per']],
    ['count(*)', 'count(id)', ['per']],
    ['key: shop', 'key: at', ['per']],
    ['key: shop', 'key: id', ['per']],
    ['{ n: "count(*)" }', '{ m: "count(*)", twice: "2 * count(*)" }', []],
    ['out/rows', 'out/others', []],
  ])('%s → %s', async (from, to, steps) => {
    const before = await old();
    expect(misfits(await planOf(yaml.replace(from, to)), before)).toEqual(steps);
  });
});

describe('misfits of rolling steps that share a history', () => {
  const step = (id: string, range: string, add: string): string => `    - { id: ${id}, type: rolling, key: id, range: ${range}, add: { ${add} } }\n`;
  const file = (steps: string, from: string): string =>
    yaml.replace(/ {2}steps:.*/s, `  steps:\n${steps}  outputs:\n    - { id: rows, from: ${from}, type: file, path: out/rows.jsonl, format: json }\n`);
  const day = step('day', '1d', 'n1: "count(*)", last1: "max(shop)"');
  const week = step('week', '7d', 'n7: "count(*)"');
  const before = file(day + week, 'week');
  it.each([
    ['one more behind them', file(`${day}${week}${step('month', '30d', 'last30: "max(shop)"')}`, 'month'), []],
    ['one between them', file(`${day}${step('some', '3d', 'n3: "count(*)"')}${week}`, 'week'), []],
    ['one that keeps more, behind them', file(`${day}${week}${step('month', '30d', 'ids: "max(id)"')}`, 'month'), []],
    ['the last gone', file(day, 'day'), []],
    ['an output more', before.replace('outputs:\n', 'outputs:\n    - { id: days, from: day, type: file, path: out/days.jsonl, format: json }\n'), []],
    ['the first gone', file(week, 'week'), ['week']],
    ['the first called otherwise', file(day.replace('id: day', 'id: d') + week, 'week'), ['week']],
    ['the first keeps less', file(day.replace(', last1: "max(shop)"', '') + week, 'week'), ['day']],
    ['a filter between them', file(`${day}    - { id: all, type: filter, where: "true" }\n${week}`, 'week'), ['week']],
  ])('%s', async (_, after, steps) => {
    const old = await planOf(before);
    expect(misfits(await planOf(after), { ...freshRecord(old, '0'), states: statesOf(old) })).toEqual(steps);
  });
});
