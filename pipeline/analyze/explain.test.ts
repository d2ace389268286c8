import { expect, test } from 'vitest';
import { explain, renderExplain } from '../explain.ts';
import { planOf } from '../load.case.ts';
import { batchTimingOf } from '../timing.ts';
import { analyze, enriched, labels, model } from './analyze.case.ts';

const MINUTES = '{ id: m, type: aggregate, from: enriched, group_by: card_id, window: { sliding: 10m, every: 1m }, watermark: 10s, select: { n: "count(*)" } }';
const whole = analyze({
  head: '  trigger: { every: 1s, max_records: 500 }\n',
  sources: [enriched, labels],
  queries: [
    MINUTES,
    '{ id: total, type: aggregate, from: enriched, mode: complete, select: { n: "count(*)" } }',
    '{ id: s, type: score, from: enriched, model: fraud, as: p }',
    '{ id: big, type: sql, from: enriched, sql: "SELECT tx_id, amount FROM enriched WHERE amount > 1" }',
    '{ id: top, type: sql, from: enriched, sql: "SELECT max(amount) AS a FROM enriched" }',
  ],
  sinks: [
    '{ id: to_m, from: m, type: topic, topic: minutes, key: card_id }',
    '{ id: to_total, from: total, type: file, path: total.json, format: json }',
    '{ id: to_total2, from: total, type: console }',
    '{ id: to_s, from: s, type: file, path: scored, format: parquet, partition_by: card_id }',
    '{ id: to_big, from: big, type: console, limit: 5 }',
    '{ id: to_top, from: top, type: console }',
  ],
  tail: model({ promote_if: '"auc_roc > current.auc_roc"' }),
});

test('explain shows the analyzer and its models', async () => {
  const explained = explain(await planOf(whole));
  expect(JSON.parse(JSON.stringify(explained))).toEqual(explained);
  expect(explained.analyze?.trigger).toBe('a batch every 1s, at most 500 records each');
  expect(explained.analyze?.sources.map(({ reads, event_time }) => [reads, event_time])).toEqual([
    ['bridge bridge, topic enriched (avro)', 'as the record stage has it'],
    ['topic labels (avro)', 'known_at'],
  ]);
  expect(explained.analyze?.queries[0]).toMatchObject({
    id: 'm',
    key: ['card_id'],
    mode: 'append',
    watermark: '10s behind the highest event time of earlier batches',
    state: 'the aggregates of each card_id and window (sliding 10m every 1m), until the watermark passes its end',
  });
  expect(explained.analyze?.queries[1].state).toBe('the aggregates of all rows, for good');
  expect(explained.analyze?.sinks.map(({ writes }) => writes)).toEqual([
    'topic minutes (json) by card_id',
    'file total.json (json)',
    'console, 20 rows a batch',
    'directory scored (parquet) by card_id',
    'console, 5 rows a batch',
    'console, 20 rows a batch',
  ]);
  expect(explained.models).toMatchObject([
    {
      id: 'fraud',
      label: 'is_fraud of labels by tx_id, known after 7d',
      training: 'at each multiple of 1d of event time, on 7d of enriched that end 7d before it',
      promotion: 'if auc_roc > current.auc_roc, judged on the next window',
    },
  ]);
  const text = renderExplain(explained);
  for (const line of [
    'analyze, a batch every 1s',
    '  m: aggregate by card_id, append <- enriched',
    '  to_total: file total.json (json), complete <- total',
    'models\n  fraud: amount, merchant_id',
  ])
    expect(text).toContain(line);
});

test('timing: batch cuts show in late rows, in what sees a batch, in rows written again; not in a file that holds the whole result', async () => {
  const timing = batchTimingOf(await planOf(whole));
  expect([...timing.keys()].sort()).toEqual(['m', 's', 'to_m', 'to_s', 'to_top', 'to_total2', 'top']);
  expect(timing.get('top')).toBe('what comes of its aggregates depends on where batches are cut');
  expect(timing.get('to_m')).toBe('which rows are late depends on where batches are cut');
});

test('timing: with the bridge’s own watermark late rows are the same in every run, but for windows that overlap', async () => {
  const of = async (window: string, watermark: string): Promise<string | undefined> =>
    batchTimingOf(
      await planOf(
        analyze({
          queries: [`{ id: q, type: aggregate, group_by: [card_id], window: ${window}, watermark: ${watermark}, select: { n: "count(*)" } }`],
          sinks: ['{ id: screen, type: console }'],
        }),
      ),
    ).get('q');
  expect(await of('{ tumbling: 1m }', 'bridge')).toBeUndefined();
  expect(await of('{ sliding: 2m, every: 1m }', 'bridge')).toBe('which windows a late row counts in depends on where batches are cut');
  expect(await of('{ tumbling: 1m }', '10s')).toBe('which rows are late depends on where batches are cut');
});

test('timing of the record stage goes on behind the bridge', async () => {
  const live = analyze({ sources: [enriched, labels], sinks: ['{ id: screen, type: console, from: enriched }'], tail: model() }).replace(
    '  outputs:\n',
    '  steps:\n    - { id: live, type: score, model: fraud, as: p }\n  outputs:\n',
  );
  expect([...batchTimingOf(await planOf(live)).keys()]).toEqual(['enriched', 'screen']);
  const explained = explain(await planOf(live));
  expect(explained.stages[0].steps[0].state).toBe('the model in force (fraud), swapped as soon as one is promoted');
});

test('a file without analyze says nothing of it', async () => {
  const explained = explain(await planOf(analyze().replace(/analyze:[\s\S]*/, '')));
  expect([explained.analyze, explained.models]).toEqual([null, []]);
  expect(renderExplain(explained)).not.toContain('analyze');
});
