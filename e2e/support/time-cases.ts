import { join } from 'node:path';
import { expect } from 'vitest';
import { agg, bag, type Dated, dedupe, each, type Fields, type Flow, rolling, rowsOf, source, window } from './time-model.ts';
import { dead, read } from './time-pipelines.ts';

/** Test support: every step in one pipeline, and what the contract says of each. */
interface Case {
  readonly yaml: string;
  readonly model: (flow: Flow) => Flow;
  readonly late?: 'drop';
  /** reads an exchange of several writers, whose late firings come in any order: only the last row of a key and window is fixed */
  readonly lastRow?: readonly string[];
  /** its key is m, which may be NULL */
  readonly nullKey?: true;
}

const WHERE = (records: readonly Dated[]): Dated[] => records.filter(({ row }) => row.v !== null && (row.v as number) > 100);
const argMin = (records: readonly Dated[]): unknown => {
  const least = agg.min(records, 'v');
  // of equals the earliest by event time, then arrival, as `first` has it
  return least === null
    ? null
    : agg.first(
        records.filter(({ row }) => row.v === least),
        'x',
      );
};
const recent = (past: readonly Dated[]): Fields => ({
  n: past.length,
  s: agg.sum(past, 'v'),
  top: agg.max(past, 'x'),
  was: agg.first(past, 'id'),
  is: agg.last(past, 'id'),
});
const RECENT = 'add: { n: "count(*)", s: "sum(v)", top: "max(x)", was: "first(id)", is: "last(id)" }';
const ten: (records: readonly Dated[]) => Fields = (all) => ({
  n: all.length,
  total: agg.sum(all, 'v'),
  big: WHERE(all).length,
  mean: agg.avg(all, 'x'),
  spread: (agg.max(all, 'x') as number) - (agg.min(all, 'x') as number),
  ids: agg.distinct(all, 'id'),
  gs: agg.distinct(WHERE(all), 'g'),
  f: agg.first(all, 'x'),
  l: agg.last(all, 'x'),
  am: argMin(all),
});
const TEN =
  'select: { n: "count(*)", total: "sum(v)", big: "count(*) FILTER (WHERE v > 100)", mean: "avg(x)", spread: "max(x) - min(x)", ids: "count(DISTINCT id)", gs: "count(DISTINCT g) FILTER (WHERE v > 100)", f: "first(x)", l: "last(x)", am: "arg_min(x, v)" }';
const LITTLE = 'select: { n: "count(*)", total: "sum(v)" }';
const little = (all: readonly Dated[]): Fields => ({ n: all.length, total: agg.sum(all, 'v') });
const TABLE = new Map([
  ['m0', 0],
  ['m1', 10],
  ['m3', 30],
]);
const looked =
  (missing: 'null' | 'drop') =>
  (row: Fields): Fields[] =>
    TABLE.has(row.m as string) ? [{ ...row, risk: TABLE.get(row.m as string) }] : missing === 'null' ? [{ ...row, risk: null }] : [];

const kept = (flow: Flow): Flow => each(flow, (row) => (row.v !== null && (row.v as number) > 0 && (row.x as number) < 400 ? [row] : []));
const withKey = (flow: Flow): Flow => each(flow, (row) => (row.m === null ? [] : [row]));

const CASES: Record<string, Case> = {
  tumbling: { yaml: `type: window, from: in, key: k, window: { tumbling: 5s }, ${TEN}`, model: (flow) => window(flow, { key: ['k'], size: 5000 }, ten) },
  offset: {
    yaml: `type: window, from: in, key: [k, g], window: { tumbling: 7s, offset: -3s }, ${TEN}`,
    model: (flow) => window(flow, { key: ['k', 'g'], size: 7000, offset: -3000 }, ten),
  },
  sliding: {
    yaml: `type: window, from: in, key: k, window: { sliding: 7s, every: 3s, offset: 1s }, allowed_lateness: 2s, ${TEN}`,
    model: (flow) => window(flow, { key: ['k'], size: 7000, every: 3000, offset: 1000, lateness: 2000 }, ten),
  },
  patient: {
    yaml: `type: window, from: in, key: g, window: { sliding: 5s, every: 2s }, allowed_lateness: 30s, ${LITTLE}`,
    model: (flow) => window(flow, { key: ['g'], size: 5000, every: 2000, lateness: 30_000 }, little),
  },
  updates: {
    yaml: `type: window, from: in, key: g, window: { sliding: 6s, every: 4s }, allowed_lateness: 1s, emit: on_update, late: drop, ${LITTLE}`,
    model: (flow) => window(flow, { key: ['g'], size: 6000, every: 4000, lateness: 1000, onUpdate: true }, little),
    late: 'drop',
  },
  again: {
    yaml: `type: window, from: tumbling, key: k, window: { tumbling: 15s }, allowed_lateness: 1s, select: { m: "count(*)", t2: "sum(total)", s: "min(window_start)" }`,
    model: (flow) =>
      window(window(flow, { key: ['k'], size: 5000 }, ten), { key: ['k'], size: 15_000, lateness: 1000 }, (all) => ({
        m: all.length,
        t2: agg.sum(all, 'total'),
        s: agg.min(all, 'window_start'),
      })),
  },
  regrouped: {
    yaml: `type: window, from: offset, key: g, window: { sliding: 14s, every: 7s }, select: { m: "sum(n)" }`,
    model: (flow) =>
      window(window(flow, { key: ['k', 'g'], size: 7000, offset: -3000 }, ten), { key: ['g'], size: 14_000, every: 7000 }, (all) => ({
        m: agg.sum(all, 'n'),
      })),
    lastRow: ['g', 'window_start'],
  },
  late_again: {
    yaml: `type: window, from: sliding, key: k, window: { tumbling: 6s }, allowed_lateness: 0s, select: { m: "count(*)", t2: "sum(n)" }`,
    model: (flow) =>
      window(window(flow, { key: ['k'], size: 7000, every: 3000, offset: 1000, lateness: 2000 }, ten), { key: ['k'], size: 6000 }, (all) => ({
        m: all.length,
        t2: agg.sum(all, 'n'),
      })),
  },
  recent: {
    yaml: `type: rolling, from: in, key: k, range: 3s, allowed_lateness: 1s, ${RECENT}`,
    model: (flow) => rolling(flow, { key: ['k'], range: 3000, lateness: 1000 }, recent),
  },
  delayed: {
    yaml: `type: rolling, from: in, key: [k, g], range: 8s, delay: 2s, ${RECENT}`,
    model: (flow) => rolling(flow, { key: ['k', 'g'], range: 8000, delay: 2000 }, recent),
  },
  today: {
    yaml: `type: rolling, from: in, key: k, tumbling: 10s, allowed_lateness: 0s, ${RECENT}`,
    model: (flow) => rolling(flow, { key: ['k'], tumbling: 10_000, lateness: 0 }, recent),
  },
  waiting: {
    yaml: `type: rolling, from: in, key: g, range: 4s, emit: on_watermark, allowed_lateness: 5s, ${RECENT}`,
    model: (flow) => rolling(flow, { key: ['g'], range: 4000, lateness: 5000, onWatermark: true }, recent),
  },
  waiting_delayed: {
    yaml: `type: rolling, from: in, key: g, range: 4s, delay: 1s, emit: on_watermark, ${RECENT}`,
    model: (flow) => rolling(flow, { key: ['g'], range: 4000, delay: 1000, onWatermark: true }, recent),
  },
  rolled: {
    yaml: `type: window, from: waiting, key: g, window: { tumbling: 4s }, select: { most: "max(n)", c: "count(*)" }`,
    model: (flow) =>
      window(rolling(flow, { key: ['g'], range: 4000, lateness: 5000, onWatermark: true }, recent), { key: ['g'], size: 4000 }, (all) => ({
        most: agg.max(all, 'n'),
        c: all.length,
      })),
  },
  once: { yaml: 'type: dedupe, from: in, key: id, within: 20s', model: (flow) => dedupe(flow, ['id'], 20_000) },
  brief: { yaml: 'type: dedupe, from: in, key: [k, g], within: 1s', model: (flow) => dedupe(flow, ['k', 'g'], 1000) },
  exploded: {
    yaml: 'type: flat_map, from: in, each: tags, as: tag',
    model: (flow) => each(flow, (row) => ((row.tags ?? []) as number[]).map((tag) => ({ ...row, tag }))),
  },
  tags: {
    yaml: `type: window, from: exploded, key: tag, window: { tumbling: 10s }, ${LITTLE}`,
    model: (flow) =>
      window(
        each(flow, (row) => ((row.tags ?? []) as number[]).map((tag) => ({ ...row, tag }))),
        { key: ['tag'], size: 10_000 },
        little,
      ),
  },
  maybe: { yaml: 'type: lookup, from: in, table: risks, on: m, add: [risk]', model: (flow) => each(flow, looked('null')) },
  known: { yaml: 'type: lookup, from: in, table: risks, on: m, add: [risk], missing: drop', model: (flow) => each(flow, looked('drop')) },
  must: { yaml: 'type: lookup, from: in, table: risks, on: m, add: [risk], missing: dead_letter', model: (flow) => each(flow, looked('drop')) },
  by_m: {
    yaml: `type: window, from: in, key: m, window: { tumbling: 5s }, ${LITTLE}`,
    model: (flow) => window(withKey(flow), { key: ['m'], size: 5000 }, little),
    nullKey: true,
  },
  recent_m: {
    yaml: `type: rolling, from: in, key: m, range: 2s, emit: on_watermark, ${RECENT}`,
    model: (flow) => rolling(withKey(flow), { key: ['m'], range: 2000, onWatermark: true }, recent),
    nullKey: true,
  },
  once_m: { yaml: 'type: dedupe, from: in, key: m, within: 3s', model: (flow) => dedupe(withKey(flow), ['m'], 3000), nullKey: true },
  kept: { yaml: 'type: filter, from: in, where: "v > 0 AND x < 400"', model: kept },
  kept_sums: {
    yaml: `type: window, from: kept, key: k, window: { sliding: 9s, every: 3s }, ${LITTLE}`,
    model: (flow) => window(kept(flow), { key: ['k'], size: 9000, every: 3000 }, little),
  },
  crowded: {
    yaml: 'type: filter, from: kept_sums, where: "n >= 4 AND total > 800"',
    model: (flow) =>
      each(window(kept(flow), { key: ['k'], size: 9000, every: 3000 }, little), (row) => ((row.n as number) >= 4 && (row.total as number) > 800 ? [row] : [])),
  },
  recent_tags: {
    yaml: 'type: flat_map, from: recent, each: tags, as: tag',
    model: (flow) =>
      each(rolling(flow, { key: ['k'], range: 3000, lateness: 1000 }, recent), (row) => ((row.tags ?? []) as number[]).map((tag) => ({ ...row, tag }))),
  },
  moved: {
    yaml: `type: window, from: gone, key: k, window: { tumbling: 5s }, ${LITTLE}`,
    model: (flow) => window(flow, { key: ['k'], size: 5000 }, little),
  },
};

export const RISKS = 'm,risk\nm0,0\nm1,10\nm3,30\n';

export function everything(outOfOrder: string): string {
  const steps = Object.entries(CASES).filter(([id]) => id !== 'moved');
  return `tables: { risks: { file: risks.csv, key: m } }
preprocess:
  sources: [ { id: in, type: file, path: in.jsonl, format: json, schema: event, event_time: { field: t, out_of_order: ${outOfOrder} } } ]
  steps:
${steps.map(([id, { yaml }]) => `    - { id: ${id}, ${yaml} }`).join('\n')}
    - { id: gone, type: map, from: in, set: { t: "0", x: "1.0" }, drop: [tags] }
    - { id: moved, ${CASES.moved.yaml} }
  outputs:
${[...steps.map(([id]) => id), 'moved'].map((id) => `    - { id: ${id}_out, from: ${id}, type: file, path: ${id}.jsonl, format: json }`).join('\n')}
`;
}

const last = (rows: readonly Fields[], key: readonly string[]): Fields[] => [
  ...new Map(rows.map((row) => [key.map((name) => row[name]).join(), row])).values(),
];

/** Holds all outputs and dead letters of `everything`, run over these inputs, against the model. */
export async function agree(dir: string, data: string, runs: readonly (readonly Fields[])[], outOfOrder: number): Promise<void> {
  const letters = await dead(data);
  const flow = source(runs, outOfOrder);
  const rows = runs.flat();
  const numbers = new Map(rows.map((row, i) => [row, i]));
  for (const [id, { model, late, nullKey, lastRow }] of Object.entries(CASES)) {
    const wanted = model(flow);
    const shown = (all: readonly Fields[]): string[] => bag(lastRow === undefined || runs.length === 1 ? all : last(all, lastRow));
    expect.soft(shown(read(join(dir, `${id}.jsonl`))), id).toEqual(shown(rowsOf(wanted)));
    const own = letters.filter(({ step }) => step === id);
    const got = own.filter(({ code }) => code === 'late');
    expect.soft(got.length, `late records of ${id}`).toBe(late === 'drop' ? 0 : wanted.late.length);
    if (late !== 'drop' && wanted.late.every(({ row }) => numbers.has(row))) {
      const offsets = got.map(({ offset }) => Number(offset)).sort((a, b) => a - b);
      expect.soft(offsets, `late offsets of ${id}`).toEqual(wanted.late.map(({ row }) => numbers.get(row)));
    }
    const nulls = nullKey ? rows.filter(({ m }) => m === null).length : 0;
    expect.soft(own.filter(({ code }) => code === 'null_key').length, `NULL keys of ${id}`).toBe(nulls);
  }
  const missing = rows.filter(({ m }) => !TABLE.has(m as string)).length;
  expect.soft(letters.filter(({ step }) => step === 'must')).toHaveLength(missing);
  expect.soft(letters.filter(({ code, step }) => !['late', 'null_key'].includes(code) && step !== 'must')).toEqual([]);
}
