import { expect, test } from 'vitest';
import { brief, load, unmark } from '../load.case.ts';
import { analyze, enriched, labels, model, screen } from './analyze.case.ts';

const aggregate = (keys: string): string => analyze({ queries: [`{ id: q, type: aggregate, ${keys}, select: { n: "count(*)" } }`] });
const sql = (text: string): string => analyze({ queries: [`{ id: q, type: sql, sql: ${text} }`] });
const sinks = (...lines: string[]): string => analyze({ sinks: lines });
const sources = (...lines: string[]): string => analyze({ sources: lines, sinks: ['{ id: screen, type: console, from: enriched }'] });
const models = (keys: Parameters<typeof model>[0]): string =>
  analyze({ sources: [enriched, labels], sinks: ['{ id: screen, type: console, from: enriched }'], tail: model(keys) });

/** Broken files: a ▸ stands before each place that a finding has to name, in the order of the codes. */
const broken: readonly (readonly [name: string, text: string, ...codes: string[]])[] = [
  ['analyze that is a word', analyze().replace(/analyze:[\s\S]*/, 'analyze: ▸now\n'), 'wrong_type'],
  ['an analyze without sinks', analyze({ sinks: [] }).replace('analyze:\n  sources', 'analyze:\n  ▸sources'), 'missing_key'],
  ['an unknown key of analyze', analyze({ head: '  ▸triger: once\n' }), 'unknown_key'],
  // triggers
  ['a trigger that is none', analyze({ head: '  trigger: ▸onse\n' }), 'bad_trigger'],
  ['a trigger of two kinds', analyze({ head: '  trigger: { every: 1s, once: ▸true }\n' }), 'bad_trigger'],
  ['once with a limit', analyze({ head: '  trigger: { once: true, max_records: ▸5 }\n' }), 'bad_trigger'],
  ['an interval without a unit', analyze({ head: '  trigger: { every: ▸1 }\n' }), 'bad_duration'],
  ['a batch of no records', analyze({ head: '  trigger: { max_records: ▸0 }\n' }), 'bad_number'],
  ['available_now: false', analyze({ head: '  trigger: { available_now: ▸false }\n' }), 'wrong_type'],
  // sources
  ['a source of nothing', sources('▸{ id: enriched }'), 'missing_key'],
  ['a source of an unknown output', sources('{ id: enriched, output: ▸brige }'), 'dangling_from'],
  ['a source of an output that is a file', sources('{ id: enriched, output: ▸rows }'), 'dangling_from'],
  ['a source of an output without a schema', sources('{ id: enriched, output: ▸plain }'), 'missing_key'],
  ['a source of an output and a topic', sources('{ id: enriched, output: bridge, topic: ▸enriched }'), 'unknown_key'],
  [
    'a bridge with a schema and an event time of its own',
    sources('{ id: enriched, output: bridge, schema: ▸scored, event_time: ▸{ field: amount } }'),
    'unknown_key',
    'unknown_key',
  ],
  ['a topic without a schema', sources('▸{ id: enriched, topic: labels }'), 'missing_key'],
  ['a topic of an unknown schema', sources('{ id: enriched, topic: labels, schema: ▸lable }'), 'unknown_schema'],
  ['an event time that is a boolean', sources('{ id: enriched, topic: labels, schema: label, event_time: { field: ▸is_fraud } }'), 'bad_event_time'],
  ['an event time that is not there', sources('{ id: enriched, topic: labels, schema: label, event_time: { field: ▸known } }'), 'unknown_column'],
  ['a CSV topic', sources('{ id: enriched, topic: labels, schema: label, format: ▸csv }'), 'bad_enum'],
  // ids and from
  ['an id of preprocess', analyze({ sources: ['{ id: ▸cards, output: bridge }'] }), 'duplicate_id'],
  ['an id of a query at a sink', analyze({ queries: ['{ id: q, type: sql, sql: "FROM enriched" }'], sinks: ['{ id: ▸q, type: console }'] }), 'duplicate_id'],
  ['from a step of preprocess', analyze({ sinks: ['{ id: screen, type: console, from: ▸cards }'] }), 'dangling_from'],
  ['from an output of preprocess', analyze({ sinks: ['{ id: screen, type: console, from: ▸bridge }'] }), 'dangling_from'],
  ['from a sink', analyze({ sinks: [screen, '{ id: other, type: console, from: ▸screen }'] }), 'dangling_from'],
  ['from nothing', analyze({ sinks: ['{ id: screen, type: console, from: ▸enrichd }'] }), 'dangling_from'],
  [
    'from a later query',
    analyze({ queries: ['{ id: a, type: sql, from: ▸b, sql: "FROM b" }', '{ id: b, type: sql, from: enriched, sql: "FROM enriched" }'] }),
    'forward_from',
  ],
  ['from itself', analyze({ queries: ['{ id: a, type: sql, from: ▸a, sql: "FROM a" }'] }), 'forward_from'],
  ['several sources and no from', analyze({ sources: [enriched, labels], queries: ['{ id: ▸a, type: sql, sql: "FROM enriched" }'] }), 'ambiguous_from'],
  ['several sources, no query, and a sink without from', analyze({ sources: [enriched, labels], sinks: ['{ id: ▸screen, type: console }'] }), 'ambiguous_from'],
  ['a union', analyze({ sources: [enriched, labels], sinks: ['{ id: screen, type: console, from: [enriched, ▸labels] }'] }), 'not_yet'],
  // queries
  ['a query type that is not built', analyze({ queries: ['{ id: q, type: ▸join }'] }), 'not_yet'],
  ['a dedupe', analyze({ queries: ['{ id: q, type: ▸dedupe, key: tx_id, within: 1h }'] }), 'not_yet'],
  ['a query type that is none', analyze({ queries: ['{ id: q, type: ▸agregate }'] }), 'bad_enum'],
  ['a query without a type', analyze({ queries: ['▸{ id: q }'] }), 'missing_key'],
  // what Structured Streaming refuses
  ['append without a window', aggregate('group_by: card_id, mode: ▸append'), 'illegal_mode'],
  ['append by default, without a window', aggregate('group_by: card_id').replace('{ id: q', '▸{ id: q'), 'illegal_mode'],
  ['append with window: none', aggregate('window: none, watermark: 1s, mode: ▸append'), 'illegal_mode'],
  ['append without a watermark', aggregate('window: { tumbling: 1m }, mode: ▸append'), 'missing_watermark'],
  ['a watermark without a window', aggregate('watermark: ▸1s, mode: update'), 'bad_watermark'],
  [
    'the watermark of a bridge on a topic of others',
    analyze({ sources: [labels], queries: ['{ id: q, type: aggregate, window: { tumbling: 1m }, watermark: ▸bridge, select: { n: "count(*)" } }'] }),
    'bad_watermark',
  ],
  ['a watermark that is no duration', aggregate('window: { tumbling: 1m }, watermark: ▸soon'), 'bad_duration'],
  ['a mode that is none', aggregate('mode: ▸replace'), 'bad_enum'],
  [
    'a mode of a score',
    analyze({
      queries: ['{ id: q, type: score, model: fraud, as: p, ▸mode: complete }'],
      tail: model({ label: null, train: null }).replace('fraud:', '▸fraud:'),
    }),
    'unknown_key',
    'untrained_model',
  ],
  [
    'an aggregate behind an aggregate',
    analyze({
      queries: [
        '{ id: a, type: aggregate, window: { tumbling: 1m }, watermark: 1s, select: { n: "count(*)" } }',
        '▸{ id: b, type: aggregate, window: { tumbling: 5m }, watermark: 1s, select: { n: "sum(n)" } }',
      ],
    }),
    'illegal_query',
  ],
  [
    'an aggregate behind a score behind an aggregate',
    analyze({
      sources: [enriched, labels],
      queries: [
        '{ id: a, type: aggregate, from: enriched, group_by: merchant_id, mode: update, select: { amount: "sum(amount)" } }',
        '{ id: s, type: score, model: fraud, as: p }',
        '{ id: b, type: aggregate, from: ▸s, mode: complete, select: { n: "max(p)" } }',
      ],
      tail: model(),
    }),
    'illegal_query',
  ],
  [
    'a window behind sql',
    analyze({
      queries: ['{ id: a, type: sql, sql: "FROM enriched" }', '{ id: b, type: aggregate, window: ▸{ tumbling: 5m }, mode: update, select: { n: "count(*)" } }'],
    }),
    'missing_event_time',
  ],
  ['a session window', aggregate('window: { session: ▸30s }, watermark: 1s'), 'not_yet'],
  ['a count window', aggregate('window: ▸{ ▸count: 5 }, watermark: 1s'), 'missing_key', 'unknown_key'],
  ['a sliding window without every', aggregate('window: ▸{ sliding: 5m }, watermark: 1s'), 'missing_key'],
  [
    'a distinct aggregate',
    analyze({ queries: ['{ id: q, type: aggregate, mode: update, select: { n: "▸count(DISTINCT card_id)" } }'] }),
    'unsupported_expression',
  ],
  ['a quantile', analyze({ queries: ['{ id: q, type: aggregate, mode: update, select: { n: "▸approx_quantile(amount, 0.95)" } }'] }), 'unsupported_function'],
  ['a column outside an aggregate', analyze({ queries: ['{ id: q, type: aggregate, mode: update, select: { n: "▸amount" } }'] }), 'not_aggregated'],
  ['a group by nothing known', aggregate('group_by: [card_id, ▸shop], mode: update'), 'unknown_column'],
  ['a group by a list', aggregate('group_by: ▸items, mode: update'), 'type_error'],
  ['a condition that is none', aggregate('where: "▸amount", mode: update'), 'type_error'],
  [
    'a result named as a group',
    analyze({ queries: ['{ id: q, type: aggregate, group_by: card_id, mode: update, select: { ▸card_id: "count(*)" } }'] }),
    'duplicate_column',
  ],
  // sql
  ['two statements', sql('"▸SELECT 1 AS a; SELECT 2 AS b"'), 'unsupported_statement'],
  ['a COPY', sql(`"▸COPY enriched TO 'x.csv'"`), 'unsupported_statement'],
  ['an ATTACH', sql(`"▸ATTACH 'x.db'"`), 'unsupported_statement'],
  ['a PRAGMA', sql('"▸PRAGMA database_list"'), 'unsupported_statement'],
  ['a DESCRIBE', sql('"▸DESCRIBE enriched"'), 'unsupported_statement'],
  ['another table', sql('"SELECT e.* FROM enriched e JOIN ▸labels USING (tx_id)"'), 'unsupported_statement'],
  ['a table of the catalog', sql('"SELECT * FROM ▸duckdb_settings"'), 'unsupported_statement'],
  ['a table by schema', sql('"SELECT * FROM ▸main.enriched"'), 'unsupported_statement'],
  ['a file', sql(`"SELECT * FROM ▸'x.csv'"`), 'unsupported_statement'],
  ['a table function', sql(`"SELECT tx_id FROM enriched WHERE tx_id IN (SELECT a FROM ▸read_csv('x'))"`), 'unsupported_statement'],
  ['a sample', sql('"▸FROM enriched USING SAMPLE 5"'), 'unsupported_statement'],
  ['a parameter', sql('"▸SELECT tx_id FROM enriched WHERE amount > $1"'), 'unsupported_statement'],
  ['chance', sql('"SELECT amount * ▸random() AS a FROM enriched"'), 'unsupported_function'],
  ['the clock', sql('"SELECT amount FROM enriched WHERE known < ▸current_timestamp"'), 'unsupported_function'],
  ['the session', sql('"SELECT ▸current_database() AS a FROM enriched"'), 'unsupported_function'],
  ['a setting', sql(`"SELECT ▸current_setting('threads') AS a FROM enriched"`), 'unsupported_function'],
  ['a secret', sql('"SELECT ▸hmac(card_id) AS a FROM enriched"'), 'unsupported_statement'],
  ['no SQL', sql('"SELECT FROM ▸WHERE"'), 'sql_syntax'],
  ['an unknown column', sql('"SELECT amount, ▸amont AS b FROM enriched"'), 'unknown_column'],
  [
    'an unknown column in a block',
    analyze({ queries: ["id: q\n      type: sql\n      sql: |\n        SELECT amount, 'é' AS b\n        FROM enriched\n        WHERE 'é' = b OR ▸amont > 1"] }),
    'unknown_column',
  ],
  ['an unknown function', sql('"SELECT ▸nope(amount) AS b FROM enriched"'), 'type_error'],
  ['a result without a name', sql('"▸SELECT amount + 1 FROM enriched"'), 'bad_name'],
  ['a result named twice', sql('"▸SELECT amount, card_id AS AMOUNT FROM enriched"'), 'duplicate_column'],
  ['a result that no row holds', sql('"▸SELECT amount::UBIGINT AS a FROM enriched"'), 'unsupported_type'],
  ['an empty statement', sql('▸""'), 'wrong_type'],
  // scores
  ['a score by an unknown model', analyze({ queries: ['{ id: q, type: score, model: ▸fruad, as: p }'] }), 'unknown_model'],
  [
    'a score without a feature',
    analyze({ sources: [enriched, labels], queries: ['{ id: q, type: score, from: labels, model: ▸▸fraud, as: p }'], tail: model() }),
    'unknown_column',
    'unknown_column',
  ],
  [
    'a score over a feature that is text',
    analyze({
      sources: [enriched, labels],
      queries: ['{ id: q, type: score, from: enriched, model: ▸fraud, as: p }'],
      tail: model({ features: '[▸currency]' }),
    }),
    'type_error',
    'type_error',
  ],
  [
    'a score in the place of a column',
    analyze({ sources: [enriched, labels], queries: ['{ id: q, type: score, from: enriched, model: fraud, as: ▸amount }'], tail: model() }),
    'duplicate_column',
  ],
  // sinks
  ['a sink of no type', sinks('▸{ id: a }'), 'missing_key'],
  ['a sink type that is not built', sinks('{ id: a, type: ▸redis }'), 'not_yet'],
  ['a sink type that is none', sinks('{ id: a, type: ▸consol }'), 'bad_enum'],
  ['a topic sink without a topic', sinks('▸{ id: a, type: topic }'), 'missing_key'],
  ['a sink to the dead letters', sinks('{ id: a, type: topic, topic: ▸shop.dead }'), 'duplicate_target'],
  ['a sink to a bridge', sinks('{ id: a, type: topic, topic: ▸enriched, schema: scored }'), 'duplicate_target'],
  ['a sink to the topic of models', sinks('{ id: a, type: topic, topic: ▸shop.models }'), 'reserved_name'],
  ['two sinks of two formats to one topic', sinks('{ id: a, type: topic, topic: x }', '{ id: b, type: topic, topic: ▸x, schema: scored }'), 'duplicate_target'],
  ['a sink over a file of preprocess', sinks('{ id: a, type: file, path: ▸rows.jsonl, format: json }'), 'duplicate_target'],
  ['an unknown schema of a sink', sinks('{ id: a, type: topic, topic: x, schema: ▸scord }'), 'unknown_schema'],
  ['a sink without a field of its schema', sinks('{ id: a, type: topic, topic: x, schema: ▸▸label }'), 'output_mismatch', 'output_mismatch'],
  ['a partition that is not there', sinks('{ id: a, type: file, path: x, format: parquet, partition_by: ▸day }'), 'unknown_column'],
  [
    'partitions of all columns',
    analyze({
      queries: ['{ id: q, type: sql, sql: "SELECT tx_id FROM enriched" }'],
      sinks: ['{ id: a, type: file, path: x, format: parquet, partition_by: ▸tx_id }'],
    }),
    'output_mismatch',
  ],
  ['a partition that is a field of the schema', sinks('{ id: a, type: file, path: x, format: json, partition_by: ▸tx_id, schema: scored }'), 'output_mismatch'],
  ['a CSV with lists', sinks('{ id: a, type: file, path: x, format: ▸csv }'), 'output_mismatch'],
  ['a condition of a sink over unknown columns', sinks('{ id: a, type: console, where: "▸score > 0.9" }'), 'unknown_column'],
  ['a schema of a console', sinks('{ id: a, type: console, ▸schema: scored }'), 'unknown_key'],
  // models
  ['a model that is a list', analyze({ tail: 'models:\n  fraud: ▸[]\n' }), 'wrong_type'],
  [
    'a model with a name of its own',
    analyze({ tail: 'models:\n  ▸"a b": { type: logistic_regression, features: [amount] }\n'.replace('▸"a b"', '▸▸"a b"') }),
    'bad_name',
    'untrained_model',
  ],
  ['a model of another type', models({ type: '▸tree' }), 'bad_enum'],
  ['a model without features', models({ features: null }).replace('    type: logistic', '    ▸type: logistic'), 'missing_key'],
  ['a feature that is not there', models({ features: '[amount, ▸amuont]' }), 'unknown_column'],
  ['a feature twice', models({ features: '[amount, ▸amount]' }), 'duplicate_column'],
  ['a feature that is text', models({ features: '[amount, ▸currency]' }), 'type_error'],
  ['a label without train', models({ train: null, label: '▸{ field: amount }' }), 'missing_key'],
  ['train without a label', models({ label: null, train: '▸{ from: enriched, window: 7d }' }), 'missing_key'],
  ['a label of an unknown source', models({ label: '{ source: ▸lables, on: tx_id, field: is_fraud }' }), 'dangling_from'],
  ['a label without on', models({ label: '▸{ source: labels, field: is_fraud }' }), 'missing_key'],
  ['on without a source', models({ label: '{ on: ▸tx_id, field: amount }' }), 'unknown_key'],
  ['a label that is not there', models({ label: '{ source: labels, on: tx_id, field: ▸fraud }' }), 'unknown_column'],
  ['a label that is text', models({ label: '{ source: labels, on: tx_id, field: ▸tx_id }' }), 'type_error'],
  ['a join column that labels lack', models({ label: '{ source: labels, on: ▸card_id, field: is_fraud }' }), 'unknown_column'],
  ['a join column that records lack', models({ label: '{ source: labels, on: ▸known_at, field: is_fraud }' }), 'unknown_column'],
  ['training on nothing', models({ train: '{ from: ▸enrichd, window: 7d }' }), 'dangling_from'],
  ['training without a window', models({ train: '▸{ from: enriched }' }), 'missing_key'],
  ['a negative penalty', models({ train: '{ from: enriched, window: 7d, l2: ▸-1 }' }), 'bad_number'],
  ['another class weight', models({ train: '{ from: enriched, window: 7d, class_weight: ▸even }' }), 'bad_enum'],
  ['standardize: 1', models({ train: '{ from: enriched, window: 7d, standardize: ▸1 }' }), 'wrong_type'],
  ['another swap', models({ swap: '▸later' }), 'bad_enum'],
  [
    'a swap that waits for training on a foreign topic',
    models({ features: '[known_at]', train: '{ from: labels, window: 7d }', label: '{ field: is_fraud }', swap: '▸at_event_time' }),
    'illegal_swap',
  ],
  ['a card that is not there', models({ evaluate: '{ card: ▸card }' }), 'unknown_column'],
  ['an evaluation on another window', models({ evaluate: '{ on: ▸same_window }' }), 'bad_enum'],
  ['a promotion by an unknown metric', models({ promote_if: '"average_precision > ▸auc"' }), 'unknown_column'],
  ['a promotion by an unknown metric of the current one', models({ promote_if: '"auc_roc > current.▸auc"' }), 'unknown_column'],
  ['a promotion that is no condition', models({ promote_if: '"▸auc_roc"' }), 'type_error'],
  [
    'training on what changes',
    analyze({
      sources: [enriched, labels],
      queries: [
        '{ id: q, type: aggregate, from: enriched, group_by: [merchant_id, tx_id], mode: update, window: { tumbling: 1m }, select: { amount: "sum(amount)" } }',
      ],
      tail: model({ train: '{ from: ▸q, window: 7d }' }),
    }),
    'illegal_mode',
  ],
  [
    'training on rows without an event time',
    analyze({
      sources: [enriched, labels],
      queries: ['{ id: q, type: sql, from: enriched, sql: "FROM enriched" }'],
      tail: model({ train: '{ from: ▸q, window: 7d }' }),
    }),
    'missing_event_time',
  ],
];

test.for(broken)('%s', async ([, marked, ...codes]) => {
  const { text, places } = unmark(marked);
  const { findings, plan } = await load(text);
  expect(brief(findings)).toEqual(codes.map((code, i) => `${places[i]} ${code}`));
  expect(plan).toBeNull();
  for (const { hint } of findings) expect(hint).toBeTruthy();
});
