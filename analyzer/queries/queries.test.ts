import { rmSync } from 'node:fs';
import { type Model, modelHash, modelText } from '@millrace/shared-schemas/model.ts';
import { modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { Harness } from '../harness.case.ts';

const made: Harness[] = [];
afterEach(() => {
  for (const { dir } of made.splice(0)) rmSync(dir, { recursive: true });
});

/** a foreign topic `events` (k, v, t) and what is asked of it; each `step` writes rows and runs the one or two batches they cause */
async function open(query: string, { trigger = 'available_now', tail = '' } = {}): Promise<Harness> {
  const harness = await new Harness(1).load(`
version: 1
name: p
schemas:
  event: { type: record, name: Event, fields: [{ name: k, type: ["null", string] }, { name: v, type: long }, { name: t, type: long }] }
preprocess:
  sources: [{ id: in, type: file, path: in.jsonl, format: json, schema: event }]
  outputs: [{ id: bridge, topic: bridged, schema: event }]
analyze:
  trigger: ${trigger}
  sources:
    - { id: events, topic: events, format: json, schema: event, event_time: { field: t } }
    - { id: bridged, output: bridge }
  queries:
    - ${query}
  sinks: [{ id: out, type: topic, topic: out }]
${tail}`);
  made.push(harness);
  harness.writers('bridged', [0]);
  return harness;
}

async function step(harness: Harness, ...rows: readonly (readonly [k: string | null, t: number, v?: number])[]): Promise<unknown[]> {
  const before = harness.rows('out').length;
  harness.write(
    'events',
    0,
    rows.map(([k, t, v = 1]) => ({ t: 0, row: { k, t, v } })),
  );
  await harness.run({ end: false });
  return harness.rows('out').slice(before);
}

const windowed = (mode: string): string =>
  `{ id: q, type: aggregate, from: events, group_by: k, window: { tumbling: 10ms }, watermark: 5ms, mode: ${mode}, select: { n: "count(*)" } }`;
const row = (k: string | null, start: number, n: number): unknown => ({ k, n, window_start: start, window_end: start + 10 });

describe('append', () => {
  it('lets a window go once, when a batch later the watermark has passed its end', async () => {
    const of = await open(windowed('append'));
    // 14 − 5 = 9 does not reach 10
    expect(await step(of, ['b', 3], ['a', 4], ['a', 14])).toEqual([]);
    // dropped are rows behind what was closed, and nothing was; 15 − 5 = 10: the batch without data closes it
    expect(await step(of, ['a', 5], ['a', 15])).toEqual([row('a', 0, 2), row('b', 0, 1)]);
    expect(of.batches.map(({ batchId, numInputRows }) => [batchId, numInputRows])).toEqual([
      [0, 3],
      [1, 0],
      [2, 2],
      [3, 0],
    ]);
    // late now: its window is over
    expect(await step(of, ['a', 9], ['a', 26])).toEqual([row('a', 10, 2)]);
    expect(of.batches.map(({ stateOperators }) => stateOperators[0]?.numRowsDroppedByWatermark)).toEqual([0, 0, 0, 0, 1, 0]);
    expect(of.batches.at(-1)?.stateOperators[0]).toMatchObject({ numRowsTotal: 1, numRowsRemoved: 1, numRowsUpdated: 0 });
    expect(of.batches.at(-1)?.eventTime).toEqual({ watermark: '1970-01-01T00:00:00.021Z' });
  });

  it('drops no row before the first batch ends, of times before 1970 either', async () => {
    const of = await open(windowed('append'));
    expect(await step(of, ['a', 100], ['a', -95])).toEqual([row('a', -100, 1)]);
  });

  it('lets rows of one end leave by group, NULL first', async () => {
    const of = await open(windowed('append'));
    expect(await step(of, ['b', 1], [null, 2], ['a', 3], [null, 4], ['x', 100])).toEqual([row(null, 0, 2), row('a', 0, 1), row('b', 0, 1)]);
  });
});

describe('update', () => {
  it('lets changed windows go with every batch, and forgets those that are over without a word', async () => {
    const of = await open(windowed('update'));
    expect(await step(of, ['a', 3], ['b', 4])).toEqual([row('a', 0, 1), row('b', 0, 1)]);
    expect(await step(of, ['a', 5], ['a', 30])).toEqual([row('a', 0, 2), row('a', 30, 1)]);
    expect(of.batches.at(-1)?.stateOperators[0]).toMatchObject({ numRowsTotal: 1, numRowsRemoved: 2 });
    expect(await step(of, ['a', 6])).toEqual([]);
    expect(of.batches.at(-1)?.stateOperators[0]?.numRowsDroppedByWatermark).toBe(1);
  });
});

describe('complete', () => {
  it('lets everything go with every batch, drops and forgets nothing', async () => {
    const of = await open(windowed('complete'));
    expect(await step(of, ['a', 3], ['b', 50])).toEqual([row('a', 0, 1), row('b', 50, 1)]);
    expect(await step(of, ['a', 4])).toEqual([row('a', 0, 2), row('b', 50, 1)]);
    expect(of.batches).toHaveLength(2);
  });

  it('needs no window', async () => {
    const of = await open('{ id: q, type: aggregate, from: events, group_by: k, mode: complete, select: { total: "sum(v)" } }');
    await step(of, ['a', 3, 5], [null, 1, 2]);
    expect(await step(of, ['a', 3, 6])).toEqual([
      { k: null, total: 2 },
      { k: 'a', total: 11 },
    ]);
  });
});

describe('a sliding window', () => {
  it('counts a row in each window that holds it, and lets them go by their ends', async () => {
    const of = await open(
      '{ id: q, type: aggregate, from: events, group_by: k, window: { sliding: 10ms, every: 4ms }, watermark: 0s, select: { n: "count(*)", most: "max(v)" } }',
    );
    expect(await step(of, ['a', 5, 1], ['a', 9, 2], ['a', 100, 3])).toEqual([
      { k: 'a', n: 1, most: 1, window_start: -4, window_end: 6 },
      { k: 'a', n: 2, most: 2, window_start: 0, window_end: 10 },
      { k: 'a', n: 2, most: 2, window_start: 4, window_end: 14 },
      { k: 'a', n: 1, most: 2, window_start: 8, window_end: 18 },
    ]);
  });
});

describe('the watermark of a bridge', () => {
  const query = '{ id: q, type: aggregate, from: bridged, group_by: k, window: { tumbling: 10ms }, watermark: WM, select: { n: "count(*)" } }';
  const write = async (of: Harness, watermark: number, ...times: number[]): Promise<unknown[]> => {
    const before = of.rows('out').length;
    of.write(
      'bridged',
      0,
      times.map((t) => ({ t, row: { k: 'a', v: 1, t } })),
    );
    of.heartbeat('bridged', watermark);
    await of.run({ end: false });
    return of.rows('out').slice(before);
  };

  it('closes what the record stage knows to be complete, no sooner', async () => {
    const of = await open(query.replace('WM', 'bridge'));
    expect(await write(of, 8, 3, 500)).toEqual([]);
    expect(await write(of, 9)).toEqual([row('a', 0, 1)]);
  });

  it('calls late what came to the bridge late, in whichever batch it is, and says how many', async () => {
    for (const apart of [true, false]) {
      const of = await open(query.replace('WM', 'bridge'));
      of.write('bridged', 0, [{ t: 3, row: { k: 'a', v: 1, t: 3 } }], 0, 1);
      if (apart) await of.run({ end: false });
      // the writer was at 9 when this one came to its source, though it says so of no record before
      of.write('bridged', 0, [{ t: 4, row: { k: 'a', v: 1, t: 4 } }], 0, 1, 9);
      of.write('bridged', 0, [{ t: 14, row: { k: 'a', v: 1, t: 14 } }], 0, 1, 9);
      await of.run({ end: false });
      await write(of, 30);
      expect(of.rows('out')).toEqual([row('a', 0, 1), row('a', 10, 1)]);
      const operators = of.batches.flatMap(({ stateOperators }) => stateOperators);
      expect(operators.reduce((sum, { numRowsDroppedByWatermark: dropped }) => sum + dropped, 0)).toBe(1);
    }
  });

  it('holds a delay back', async () => {
    const of = await open(query.replace('WM', '5ms'));
    expect(await write(of, 8, 3, 500)).toEqual([]);
    expect(await write(of, 1000)).toEqual([row('a', 0, 1)]);
  });
});

describe('sql', () => {
  it('sees a batch as one table; a row that fails is a dead letter alone', async () => {
    const of = await open('{ id: q, type: sql, from: events, sql: "SELECT count(*) AS n, sum(CAST(k AS BIGINT) + v) AS total FROM events" }');
    expect(await step(of, ['1', 0, 10], ['x', 1, 20], [null, 2, 30], ['4', 3, 40], ['y', 4, 50])).toEqual([{ n: 3, total: 55 }]);
    const dead = of.topic('p.dead').map(({ value, headers }) => [JSON.parse(value).k, headers['error.step'], headers['error.offset'], headers['error.record']]);
    expect(dead).toEqual([
      ['x', 'q', '1', '{"k":"x","v":20,"t":1}'],
      ['y', 'q', '4', '{"k":"y","v":50,"t":4}'],
    ]);
  });

  it('stops where the batch fails and no row of it alone', async () => {
    const of = await open(
      '{ id: q, type: sql, from: events, sql: "SELECT (SELECT v FROM events WHERE v > 0 UNION ALL SELECT v FROM events WHERE v > 10) AS v" }',
    );
    await expect(step(of, ['a', 0, 5], ['a', 0, 6])).rejects.toMatchObject({ code: 'query_failed' });
  });
});

describe('score', () => {
  const model: Model = {
    format: 1,
    type: 'logistic_regression',
    name: 'm',
    features: ['v'],
    schema: '',
    intercept: -1,
    coefficients: [0.5],
    scaler: null,
    threshold: null,
    training: { from: 0, to: 1, rows: 1, positives: 1, l2: 1, l1: 0, class_weight: 'none', standardize: false, iterations: 1, converged: true, engine: 'x' },
    metrics: null,
    parent: null,
    boundary: null,
  };

  it('is NULL before there is a model, then by the one in force', async () => {
    const of = await open('{ id: q, type: score, from: events, model: m, as: p }', {
      tail: 'models:\n  m: { type: logistic_regression, features: [v] }\n',
    });
    expect(await step(of, ['a', 0, 2])).toEqual([{ k: 'a', v: 2, t: 0, p: null }]);
    const out = of.transport.log.appender(modelsTopic('p'));
    const pos = out.begin(0, 0, Buffer.from('m'), 0, 1);
    const decision = { model: 'm', boundary: null, trained: null, promoted: modelHash(model), reason: 'by hand' };
    out.end(pos + out.buffer.write(JSON.stringify(decision), pos));
    of.transport.commit({ appenders: [out], puts: [[modelKey('p', modelHash(model)), Buffer.from(modelText(model))]] });
    expect(await step(of, ['a', 0, 2])).toEqual([{ k: 'a', v: 2, t: 0, p: 0.5 }]);
  });
});
