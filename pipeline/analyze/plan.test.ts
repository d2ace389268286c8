import { expect, test } from 'vitest';
import { brief, load, planOf } from '../load.case.ts';
import type { Plan } from '../plan.ts';
import { timingOf } from '../timing.ts';
import { analyze, enriched, labels, model, screen } from './analyze.case.ts';
import type { AggregateQueryPlan, AnalyzePlan, QueryPlan } from './plan.ts';

const analysisOf = async (text: string): Promise<AnalyzePlan> => (await planOf(text)).analyze as AnalyzePlan;
const names = (columns: readonly { readonly name: string }[]): string[] => columns.map(({ name }) => name);
const queryOf = async (line: string): Promise<QueryPlan> => (await analysisOf(analyze({ queries: [line] }))).queries[0];
const notes = async (text: string): Promise<string[]> => brief((await load(text)).findings);

const minutes =
  '{ id: m, type: aggregate, from: enriched, group_by: card_id, window: { sliding: 10m, every: 1m }, watermark: bridge, select: { n: "count(*)", mean: "sum(amount) / count(*)" } }';
const scored = '{ id: s, type: score, from: enriched, model: fraud, as: p }';
const both = { sources: [enriched, labels], sinks: ['{ id: screen, type: console, from: enriched }'] };

test('a file without analyze has none, and no models', async () => {
  const plan = await planOf(analyze().replace(/analyze:[\s\S]*/, ''));
  expect([plan.analyze, plan.models]).toEqual([null, []]);
});

test('triggers, in all their forms', async () => {
  const trigger = async (text: string): Promise<unknown> => (await analysisOf(analyze({ head: `  trigger: ${text}\n` }))).trigger;
  expect(await trigger('{ every: 1s, max_records: 50000 }')).toEqual({ kind: 'every', every: 1000, maxRecords: 50_000 });
  expect(await trigger('{ every: 0s }')).toEqual({ kind: 'every', every: 0, maxRecords: null });
  expect(await trigger('{ max_records: 1 }')).toEqual({ kind: 'every', every: 1000, maxRecords: 1 });
  expect(await trigger('available_now')).toEqual({ kind: 'available_now', every: 0, maxRecords: null });
  expect(await trigger('{ available_now: true, max_records: 5 }')).toEqual({ kind: 'available_now', every: 0, maxRecords: 5 });
  expect(await trigger('once')).toEqual({ kind: 'once', every: 0, maxRecords: null });
  expect(await trigger('{ once: true }')).toEqual({ kind: 'once', every: 0, maxRecords: null });
  expect((await analysisOf(analyze())).trigger).toEqual({ kind: 'every', every: 1000, maxRecords: null });
});

test('a bridge has the columns of its output’s schema; the output knows that it is one', async () => {
  const plan = await planOf(analyze(both));
  const [bridge, foreign] = (plan.analyze as AnalyzePlan).sources;
  expect(bridge).toMatchObject({ id: 'enriched', index: 0, topic: 'enriched', output: 'bridge', format: 'avro', eventTime: null });
  expect(names(bridge.columns)).toEqual(['tx_id', 'card_id', 'merchant_id', 'amount', 'currency', 'items']);
  expect(foreign).toMatchObject({
    id: 'labels',
    index: 1,
    topic: 'labels',
    output: null,
    format: 'avro',
    eventTime: { slot: 'known_at', type: { kind: 'BIGINT' } },
  });
  const outputs = plan.stages.flatMap((stage) => stage.outputs).filter((output) => output.kind === 'topic');
  expect(outputs.map(({ id, bridge: is }) => [id, is])).toEqual([
    ['bridge', true],
    ['plain', false],
  ]);
});

test('a JSON output with a schema is a bridge too', async () => {
  const text = analyze().replace('topic: enriched, schema: scored,', 'topic: enriched, schema: scored, format: json,');
  expect((await analysisOf(text)).sources[0]).toMatchObject({ format: 'json', output: 'bridge' });
});

test('an aggregate: groups with NULL, windows, watermarks, results over the calls', async () => {
  const query = (await queryOf(minutes)) as AggregateQueryPlan;
  expect(names(query.columns)).toEqual(['card_id', 'n', 'mean', 'window_start', 'window_end']);
  expect(query.window).toEqual({ size: 600_000, slide: 60_000, offset: 0, startSlot: 'window_start', endSlot: 'window_end' });
  expect([query.watermark, query.mode, query.calls.map(({ fn }) => fn)]).toEqual([{ kind: 'bridge' }, 'append', ['count', 'sum']]);
  const all = (await queryOf(
    '{ id: t, type: aggregate, group_by: [currency], mode: complete, window: none, select: { n: "count(*)" } }',
  )) as AggregateQueryPlan;
  expect([all.window, all.watermark, all.columns[0].nullable]).toEqual([null, null, true]);
  const one = (await queryOf('{ id: t, type: aggregate, mode: update, select: { n: "count(*)" } }')) as AggregateQueryPlan;
  expect([one.groupBy, one.keySlots, names(one.columns)]).toEqual([[], [], ['n']]);
});

test('queries and sinks read what stands before them unless they say from', async () => {
  const plan = await analysisOf(
    analyze({
      queries: ['{ id: a, type: sql, sql: "SELECT card_id, amount FROM enriched" }', '{ id: b, type: sql, sql: "SELECT amount FROM a" }'],
      sinks: [screen, '{ id: other, type: console, from: enriched, limit: 3 }'],
    }),
  );
  expect(plan.queries.map(({ id, from, order }) => [id, from, order])).toEqual([
    ['a', 'enriched', 0],
    ['b', 'a', 1],
  ]);
  expect(plan.sinks.map(({ from, order, columns }) => [from, order, names(columns)])).toEqual([
    ['b', 2, ['amount']],
    ['enriched', 3, ['tx_id', 'card_id', 'merchant_id', 'amount', 'currency', 'items']],
  ]);
  expect((await analysisOf(analyze())).sinks[0].from).toBe('enriched');
});

test('sql: DuckDB says what comes out', async () => {
  const query = await queryOf(
    `{ id: q, type: sql, sql: "SELECT *, amount::DECIMAL(10,2) AS d, len(items) AS n, {'a': amount} AS st, [1, 2] AS li, DATE '2020-01-01' AS da, map {'k': 1} AS mp FROM enriched" }`,
  );
  expect(query.columns.map(({ name, type, nullable }) => [name, type.kind, nullable]).slice(-6)).toEqual([
    ['d', 'DECIMAL', true],
    ['n', 'BIGINT', true],
    ['st', 'STRUCT', true],
    ['li', 'LIST', true],
    ['da', 'DATE', true],
    ['mp', 'MAP', true],
  ]);
  expect(query.columns.find(({ name }) => name === 'st')?.type).toEqual({ kind: 'STRUCT', fields: [{ name: 'a', type: { kind: 'DOUBLE' } }] });
  expect(query).toMatchObject({ table: 'enriched', inputs: { length: 6 } });
});

test('sql: names of other cases, common tables, values, subqueries and unnest are fine', async () => {
  for (const sql of [
    'SELECT AMOUNT FROM Enriched',
    'WITH big AS (SELECT * FROM enriched WHERE amount > 1) SELECT * FROM big',
    'SELECT e.amount, v.x FROM enriched e, (VALUES (1)) v(x)',
    'SELECT tx_id, unnest(items) AS item FROM enriched',
    'SELECT tx_id, (SELECT max(amount) FROM enriched) AS top FROM enriched',
    'FROM enriched ORDER BY amount LIMIT 3',
    'SELECT a FROM enriched e(a) UNION ALL SELECT tx_id FROM enriched',
    '-- all\nFROM enriched;',
  ])
    expect(
      (await load(analyze({ queries: [`{ id: q, type: sql, sql: ${JSON.stringify(sql)} }`] }))).findings.filter(({ severity }) => severity !== 'note'),
    ).toEqual([]);
});

test('sql: a note where the limits of batches show, none where each row stands alone', async () => {
  const of = (sql: string): Promise<string[]> => notes(analyze({ queries: [`{ id: q, type: sql, sql: "${sql}" }`] }));
  expect(await of('SELECT amount * 2 AS a FROM enriched WHERE amount > 1')).toEqual([]);
  for (const sql of [
    'SELECT count(*) AS n FROM enriched',
    'SELECT approx_quantile(amount, 0.5) AS n FROM enriched',
    'SELECT DISTINCT card_id FROM enriched',
    'FROM enriched LIMIT 5',
    'SELECT amount, row_number() OVER () AS n FROM enriched',
    'SELECT a.amount FROM enriched a JOIN enriched b USING (card_id)',
    'SELECT card_id FROM enriched UNION SELECT tx_id FROM enriched',
    'SELECT card_id FROM enriched GROUP BY card_id',
  ])
    expect(await of(sql)).toEqual(['28:32 batch_limits']);
});

test('a score adds a column to the row it reads', async () => {
  const { queries, shapes } = await analysisOf(analyze({ ...both, queries: [scored], tail: model() }));
  expect(queries[0]).toMatchObject({ type: 'score', model: 'fraud', features: [{ name: 'amount' }, { name: 'merchant_id' }], slot: 'p', shape: 0 });
  expect(names(queries[0].columns).at(-1)).toBe('p');
  expect(shapes[0]).toContain('p');
});

test('sinks: a mode from their query, columns without the partitions', async () => {
  const { sinks } = await analysisOf(
    analyze({
      ...both,
      queries: [minutes.replace('watermark: bridge', 'mode: update'), scored],
      sinks: [
        '{ id: a, type: topic, topic: a, key: tx_id, where: "p > 0.9" }',
        '{ id: b, type: file, path: out/b, format: parquet, partition_by: [card_id, currency] }',
        '{ id: c, type: topic, topic: c, schema: scored, on_error: fail }',
        '{ id: d, type: console, from: m }',
      ],
      tail: model(),
    }),
  );
  expect(sinks.map(({ mode, onError }) => [mode, onError])).toEqual([
    ['append', 'dead_letter'],
    ['append', 'dead_letter'],
    ['append', 'fail'],
    ['update', 'dead_letter'],
  ]);
  const [a, b, c, d] = sinks;
  expect(a).toMatchObject({ type: 'topic', format: 'json', schema: null, key: [{ name: 'tx_id' }], where: { sql: 'p > 0.9' } });
  expect(b).toMatchObject({ type: 'file', format: 'parquet', partitionBy: [{ name: 'card_id' }, { name: 'currency' }] });
  expect(names(b.columns)).toEqual(['tx_id', 'merchant_id', 'amount', 'items', 'p']);
  expect([c.type === 'topic' && c.format, names(c.columns).length]).toEqual(['avro', 6]);
  expect(d).toMatchObject({ type: 'console', limit: 20 });
});

test('models: defaults, labels of a source, features in their order', async () => {
  const { models } = await planOf(analyze({ ...both, tail: model() }));
  expect(models).toMatchObject([
    {
      id: 'fraud',
      swap: 'immediate',
      features: ['amount', 'merchant_id'],
      label: { source: 'labels', on: [[{ name: 'tx_id' }, { name: 'tx_id' }]], field: { name: 'is_fraud' }, knownAfter: 604_800_000 },
      train: {
        from: 'enriched',
        columns: [{ name: 'amount' }, { name: 'merchant_id' }],
        window: 604_800_000,
        every: 86_400_000,
        l2: 1,
        l1: 0,
        classWeight: 'none',
        standardize: true,
      },
      evaluate: { card: null, alertsPerDay: 100 },
      promoteIf: null,
    },
  ]);
});

test('models: a label in the records, metrics of both models in the condition', async () => {
  const text = analyze({
    ...both,
    tail: model({
      label: '{ field: amount }',
      evaluate: '{ on: next_window, card: card_id, alerts_per_day: 5 }',
      promote_if: '"average_precision >= current.average_precision AND rows > 10 AND coalesce(auc_roc, 0) >= 0.5"',
    }),
  });
  const [{ label, evaluate, promoteIf }] = (await planOf(text)).models;
  expect(label).toMatchObject({ source: null, on: [], field: { name: 'amount' }, knownAfter: 0 });
  expect(evaluate).toMatchObject({ card: { name: 'card_id' }, alertsPerDay: 5 });
  expect(promoteIf?.type).toEqual({ kind: 'BOOLEAN' });
  expect(JSON.stringify(promoteIf?.tree)).toContain('"slot":"current"');
});

test('models that nothing trains are a warning: they may be promoted by hand', async () => {
  const bare = model({ label: null, train: null });
  const { findings, plan } = await load(analyze({ tail: bare }));
  expect(findings.map(({ code, severity }) => [code, severity])).toEqual([['untrained_model', 'warning']]);
  expect(plan?.models).toMatchObject([{ label: null, train: null }]);
  const alone = await load(`${analyze().replace(/analyze:[\s\S]*/, '')}${model()}`);
  expect(alone.findings.map(({ code, severity }) => [code, severity])).toEqual([['untrained_model', 'warning']]);
});

test('hashes: the record stage’s is its own, and how batches are cut is in neither', async () => {
  const hashes = async (text: string): Promise<readonly [string, string | undefined]> => {
    const { hash, analyze: analysis }: Plan = await planOf(text);
    return [hash, analysis?.hash];
  };
  const [hash, own] = await hashes(analyze({ ...both, queries: [minutes], tail: model() }));
  expect((await hashes(analyze().replace(/analyze:[\s\S]*/, '')))[0]).toBe(hash);
  expect(await hashes(analyze({ ...both, head: '  trigger: once\n', queries: [minutes], tail: model() }))).toEqual([hash, own]);
  for (const changed of [
    analyze({ ...both, queries: [minutes.replace('every: 1m', 'every: 2m')], tail: model() }),
    analyze({ ...both, queries: [minutes], tail: model({ train: '{ from: enriched, window: 8d }' }) }),
    analyze({ ...both, queries: [minutes], sinks: [...both.sinks, '{ id: x, type: topic, from: m, topic: x }'], tail: model() }),
    analyze({ ...both, queries: [minutes] }),
  ]) {
    const [same, other] = await hashes(changed);
    expect(same).toBe(hash);
    expect(other).not.toBe(own);
  }
  const sql = (text: string): string => analyze({ queries: [`{ id: q, type: sql, sql: "${text}" }`] });
  expect((await hashes(sql('SELECT amount FROM enriched')))[1]).not.toBe((await hashes(sql('SELECT amount FROM enriched WHERE amount > 1')))[1]);
});

test('a score in the record path: when its models take over, and a column for its alarm', async () => {
  const text = (keys: Parameters<typeof model>[0], step: string): string =>
    analyze({ ...both, tail: model(keys) }).replace('  outputs:\n', `  steps:\n    - { id: live, type: score, model: fraud, ${step} }\n  outputs:\n`);
  const nodeOf = async (keys: Parameters<typeof model>[0], step = 'as: p') => (await planOf(text(keys, step))).stages[0].nodes[0];
  expect(await nodeOf({})).toMatchObject({ every: null, alarmSlot: null });
  expect(await nodeOf({ swap: 'at_event_time' })).toMatchObject({ every: 86_400_000 });
  expect(await nodeOf({ swap: 'at_event_time', train: '{ from: enriched, window: 7d, every: 1h }' })).toMatchObject({ every: 3_600_000 });
  expect(await nodeOf({ swap: 'at_event_time', train: null, label: null })).toMatchObject({ every: null });
  const alarmed = await nodeOf({}, 'as: p, alarm: flagged');
  expect(alarmed).toMatchObject({ slot: 'p', alarmSlot: 'flagged' });
  expect(alarmed.columns.slice(-2)).toEqual([
    { name: 'p', type: { kind: 'DOUBLE' }, nullable: true, slot: 'p' },
    { name: 'flagged', type: { kind: 'BOOLEAN' }, nullable: false, slot: 'flagged' },
  ]);
  const { findings } = await load(text({}, 'as: p, alarm: p'));
  expect(findings.map(({ code }) => code)).toContain('duplicate_column');
});

test('a score in the record path: its own training data may come from behind it, and the hash is up to its features and swap', async () => {
  const text = (keys: Parameters<typeof model>[0] = {}): string =>
    analyze({ ...both, tail: model(keys) }).replace('  outputs:\n', '  steps:\n    - { id: live, type: score, model: fraud, as: p }\n  outputs:\n');
  const plan = await planOf(text());
  const node = plan.stages[0].nodes[0];
  expect(node).toMatchObject({ type: 'score', model: 'fraud', swap: 'immediate', features: [{ name: 'amount' }, { name: 'merchant_id' }], slot: 'p' });
  expect(node.columns.at(-1)).toEqual({ name: 'p', type: { kind: 'DOUBLE' }, nullable: true, slot: 'p' });
  expect(plan.stages[0].shapes[0]).toContain('p');
  const hash = async (keys: Parameters<typeof model>[0]): Promise<string> => (await planOf(text(keys))).hash;
  expect(await hash({ train: '{ from: enriched, window: 9d, l2: 3 }', promote_if: '"TRUE"' })).toBe(plan.hash);
  expect(await hash({ swap: 'at_event_time' })).not.toBe(plan.hash);
  expect(await hash({ features: '[amount]' })).not.toBe(plan.hash);
  expect([...timingOf(plan).keys()].sort()).toEqual(['bridge', 'live', 'plain', 'rows', 'rows.exchange']);
  expect([...timingOf(await planOf(text({ swap: 'at_event_time' }))).keys()]).toEqual([]);
  // with nothing to wait for it is as immediate, and what several writers bring has no one watermark
  expect([...timingOf(await planOf(text({ swap: 'at_event_time', train: null, label: null }))).keys()]).toContain('live');
  const keyed = '    - { id: by, type: rolling, key: merchant_id, range: 1h, emit: on_watermark, add: { n: "count(*)" } }\n';
  const exchanged = text({ swap: 'at_event_time' }).replace('  steps:\n', `  steps:\n${keyed}`);
  expect([...timingOf(await planOf(exchanged)).keys()].sort()).toEqual(['bridge', 'live', 'plain', 'rows', 'rows.exchange']);
});
