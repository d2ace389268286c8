/** Several inputs: files merged by event time, and topics of several partitions whose results are those of one. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { agg, bag, type Dated, dedupe, type Fields, type Flow, merged, rolling, rowsOf, source, window } from './support/time-model.ts';
import { dead, end, lines, place, produce, read, records, topic } from './support/time-pipelines.ts';

const seen = (past: readonly Dated[]): Fields => ({ n: past.length, was: agg.first(past, 'id'), is: agg.last(past, 'id') });
const SEEN = 'add: { n: "count(*)", was: "first(id)", is: "last(id)" }';
const UNION: Record<string, { yaml: string; model: (flow: Flow) => Flow }> = {
  windows: {
    yaml: `type: window, from: all, key: k, window: { tumbling: 2s }, allowed_lateness: 1s, select: { n: "count(*)", f: "first(id)", s: "sum(v)" }`,
    model: (flow) => window(flow, { key: ['k'], size: 2000, lateness: 1000 }, (all) => ({ n: all.length, f: agg.first(all, 'id'), s: agg.sum(all, 'v') })),
  },
  soon: { yaml: `type: rolling, from: all, key: k, range: 3s, ${SEEN}`, model: (flow) => rolling(flow, { key: ['k'], range: 3000 }, seen) },
  waiting: {
    yaml: `type: rolling, from: all, key: g, range: 1s, emit: on_watermark, allowed_lateness: 1s, ${SEEN}`,
    model: (flow) => rolling(flow, { key: ['g'], range: 1000, lateness: 1000, onWatermark: true }, seen),
  },
  once: { yaml: 'type: dedupe, from: all, key: id, within: 5s', model: (flow) => dedupe(flow, ['id'], 5000) },
};

test.each([
  [21, ['0s', '2s', '5s'], [0, 2000, 5000]],
  [22, ['1s', '0s', '0s'], [1000, 0, 0]],
] as const)('files with bounds of their own merge by event time, ties in order of declaration, seed %i', async (seed, texts, bounds) => {
  // b starts later than a has records, and c holds none in the second
  const inputs = bounds.map((outOfOrder, i) => ({
    outOfOrder,
    rows: records(seed * 10 + i, seed === 22 && i === 2 ? 0 : 500 + 200 * i, { disorder: 1500, far: 8000, step: 200 }).slice(i * 150),
  }));
  const yaml = `preprocess:
  sources:
${texts.map((text, i) => `    - { id: in${i}, type: file, path: in${i}.jsonl, format: json, schema: event, event_time: { field: t, out_of_order: ${text} } }`).join('\n')}
  steps:
    - { id: all, type: map, from: [in0, in1, in2], set: { x: "x + 0" } }
${Object.entries(UNION)
  .map(([id, step]) => `    - { id: ${id}, ${step.yaml} }`)
  .join('\n')}
  outputs:
${Object.keys(UNION)
  .map((id) => `    - { id: ${id}_out, from: ${id}, type: file, path: ${id}.jsonl, format: json }`)
  .join('\n')}
`;
  const { dir, pipeline, data } = place(`union-${seed}`, yaml, Object.fromEntries(inputs.map(({ rows }, i) => [`in${i}.jsonl`, lines(rows)])));
  await end(pipeline, data);
  const letters = await dead(data);
  const flow = merged(inputs);
  for (const [id, { model }] of Object.entries(UNION)) {
    const wanted = model(flow);
    expect.soft(bag(read(join(dir, `${id}.jsonl`))), id).toEqual(bag(rowsOf(wanted)));
    expect.soft(letters.filter(({ step, code }) => step === id && code === 'late').length, `late records of ${id}`).toBe(wanted.late.length);
  }
});

const counted = (all: readonly Dated[]): Fields => ({ n: all.length, total: agg.sum(all, 'v'), top: agg.max(all, 'x'), ids: agg.distinct(all, 'id') });
const COUNTED = 'select: { n: "count(*)", total: "sum(v)", top: "max(x)", ids: "count(DISTINCT id)" }';
/** Nothing here depends on what arrives first of two partitions. */
const TOPIC: Record<string, { yaml: string; key: readonly string[]; model: (flow: Flow) => Flow }> = {
  by_k: {
    key: ['k', 'window_start'],
    yaml: `type: window, from: in, key: k, window: { tumbling: 5s, offset: 2s }, ${COUNTED}`,
    model: (flow) => window(flow, { key: ['k'], size: 5000, offset: 2000 }, counted),
  },
  by_g: {
    key: ['g', 'window_start'],
    yaml: `type: window, from: in, key: g, window: { sliding: 9s, every: 3s }, ${COUNTED}`,
    model: (flow) => window(flow, { key: ['g'], size: 9000, every: 3000 }, counted),
  },
  over: {
    // a repeated row is one more row to it: in the second run not what one run gives
    key: [],
    yaml: 'type: window, from: pairs, key: g, window: { tumbling: 18s }, select: { n: "sum(n)" }',
    model: (flow) => window(window(flow, { key: ['k', 'g'], size: 6000 }, counted), { key: ['g'], size: 18_000 }, (all) => ({ n: agg.sum(all, 'n') })),
  },
  past: {
    key: [],
    yaml: `type: rolling, from: in, key: k, range: 4s, emit: on_watermark, ${SEEN}`,
    model: (flow) => rolling(flow, { key: ['k'], range: 4000, onWatermark: true }, seen),
  },
  now: {
    key: [],
    yaml: `type: rolling, from: in, key: k, range: 4s, delay: 1s, ${SEEN}`,
    model: (flow) => rolling(flow, { key: ['k'], range: 4000, delay: 1000 }, seen),
  },
  first: { key: [], yaml: 'type: dedupe, from: in, key: [k, id], within: 20s', model: (flow) => dedupe(flow, ['k', 'id'], 20_000) },
};
const KEYED = `preprocess:
  sources: [ { id: in, type: topic, topic: events, format: json, schema: event, key: k, event_time: { field: t, out_of_order: 4s } } ]
  steps:
    - { id: pairs, type: window, from: in, key: [g, k], window: { tumbling: 6s }, ${COUNTED} }
${Object.entries(TOPIC)
  .map(([id, step]) => `    - { id: ${id}, ${step.yaml} }`)
  .join('\n')}
  outputs:
${Object.keys(TOPIC)
  .map((id) => `    - { id: ${id}_out, from: ${id}, type: file, path: ${id}.jsonl, format: json }`)
  .join('\n')}
    - { id: topic, from: by_g, topic: by_g }
`;
const last = (rows: readonly Fields[], key: readonly string[]): Fields[] => [
  ...new Map(rows.map((row) => [key.map((name) => row[name]).join(), row])).values(),
];

test.each([
  [1, 1],
  [3, 2],
  [4, 1],
  [4, 2],
] as const)('a topic of %i partitions on %i threads: the rows are those of one, over runs too', async (partitions, threads) => {
  const rows = records(31, 1500, { disorder: 3999, far: 3999 });
  const first = rows.slice(0, 1000);
  const { dir, pipeline, data } = place(`topic-${partitions}-${threads}`, KEYED, {
    'p.profile.yaml': `parallelism: ${threads}\ntransport: { topics: { partitions: ${partitions} } }\n`,
  });
  const profile = ['--profile', join(dir, 'p.profile.yaml')];
  const got = (id: string): Fields[] => read(join(dir, `${id}.jsonl`));
  await produce(data, first, partitions);
  await end(pipeline, data, ...profile);
  const once = source([first], 4000);
  for (const [id, { model }] of Object.entries(TOPIC)) {
    expect.soft(bag(got(id)), id).toEqual(bag(rowsOf(model(once))));
  }
  expect.soft(bag(await topic('by_g', data)), 'the topic by_g').toEqual(bag(got('by_g')));
  await produce(data, rows.slice(1000), partitions);
  await end(pipeline, data, ...profile);
  const all = source([rows], 4000);
  for (const [id, { model, key }] of Object.entries(TOPIC)) {
    // windows that the first end had closed repeat their row: the last one holds everything
    const wanted = rowsOf(model(all));
    if (key.length > 0) expect.soft(bag(last(got(id), key)), `${id} again`).toEqual(bag(wanted));
    else if (id !== 'past' && id !== 'over') expect.soft(bag(got(id)), `${id} again`).toEqual(bag(wanted));
  }
  expect(got('by_k').length).toBeGreaterThan(last(got('by_k'), ['k', 'window_start']).length);
  const before = Object.keys(TOPIC).map(got);
  await end(pipeline, data, ...profile);
  expect(Object.keys(TOPIC).map(got)).toEqual(before);
  expect(await dead(data)).toEqual([]);
});
