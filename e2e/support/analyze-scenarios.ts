import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import type { Scenario } from './kills.ts';
import { produceLines, writeLines } from './lines.ts';

/** Pipelines of both stages, to be killed. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Lines = readonly string[];

/** A line of a topic, as `answer` gives it. */
type TopicLine = readonly [
  partition: number,
  key: string | null,
  value: Record<string, unknown>,
  base64: string | undefined,
  errors: readonly [string, string][],
];

/** Of rows that changed time and again, the last of each group, which has the most in it; and every row that came twice. */
function lastOf(keys: readonly string[], count: string, rowOf: (line: string) => Record<string, unknown>): (lines: Lines) => Lines {
  return (lines) => {
    const last = new Map<string, { n: number; line: string }>();
    const twice = lines.filter((line, i) => line === lines[i - 1]).map((line) => `twice ${line}`);
    for (const line of lines) {
      const row = rowOf(line);
      const group = JSON.stringify(keys.map((key) => row[key]));
      const n = Number(row[count]);
      if (n > (last.get(group)?.n ?? -1)) last.set(group, { n, line });
    }
    return [...[...last.values()].map(({ line }) => line), ...twice];
  };
}

/** Of rows that each stand for a batch, the sums: every input counts once, however batches were cut. */
function sumOf(key: string, counts: readonly string[]): (lines: Lines) => Lines {
  return (lines) => {
    const sums = new Map<string, number[]>();
    for (const line of lines) {
      const row = JSON.parse(line) as Record<string, unknown>;
      const group = String(row[key]);
      const sum = sums.get(group) ?? counts.map(() => 0);
      sums.set(
        group,
        sum.map((value, i) => value + Number(row[counts[i] as string])),
      );
    }
    return [...sums].map(([group, sum]) => `${group} ${sum.join(' ')}`);
  };
}

/** Dead letters without where on the bridge the record lay and when it came there: heartbeats lie between. */
function withoutOffsets(bridge: string): (lines: Lines) => Lines {
  return (lines) =>
    lines.map((line) => {
      const [partition, key, value, base64, errors] = JSON.parse(line) as TopicLine;
      const ofBridge = errors.some(([name, text]) => name === 'error.topic' && text === bridge);
      return JSON.stringify([partition, key, value, base64, errors.filter(([name]) => !(ofBridge && (name === 'error.offset' || name === 'error.timestamp')))]);
    });
}

/** What was decided at every boundary that a model could be trained for. Before the first of them not every boundary leaves a word. */
function decisions(lines: Lines): Lines {
  return lines
    .map((line) => (JSON.parse(line) as TopicLine)[2])
    .flatMap((value) => (/^no whole window/.test(String(value['reason'])) ? [] : [JSON.stringify(value)]));
}

const SALES = 3000;
const SALES_BEGIN = Date.UTC(2018, 6, 28);

/**
 * One file, one writer on the bridge. Rows behind the watermark come hours late, long after it has passed them, so that they are late wherever
 * batches are cut; all others come in time.
 */
export const queries: Scenario = {
  name: 'queries',
  yaml: `version: 1
name: queries
schemas:
  sale: { type: record, name: Sale, fields: [{ name: id, type: long }, { name: shop, type: string }, { name: cents, type: long }, { name: code, type: string }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: in, type: file, path: in.jsonl, format: json, schema: sale, event_time: { field: at, out_of_order: 6s } }
  steps:
    - { id: paid, type: filter, where: "cents > 0" }
  outputs:
    - { id: bridge, from: paid, topic: sales, schema: sale, key: shop }
analyze:
  trigger: { every: 0s, max_records: 120 }
  sources:
    - { id: sales, output: bridge }
  queries:
    - { id: minutes, type: aggregate, from: sales, group_by: [shop], window: { tumbling: 1m }, watermark: bridge, select: { n: "count(*)", cents: "sum(cents)", top: "max(cents)" } }
    - { id: slides, type: aggregate, from: sales, group_by: [shop], window: { sliding: 5m, every: 1m }, watermark: 20s, select: { n: "count(*)", cents: "sum(cents)" } }
    - { id: changes, type: aggregate, from: sales, group_by: [shop], mode: update, select: { n: "count(*)", cents: "sum(cents)" } }
    - { id: moving, type: aggregate, from: sales, where: "cents > 5000", group_by: [shop], window: { sliding: 4m, every: 2m }, watermark: 10s, mode: update, select: { n: "count(*)", cents: "sum(cents)" } }
    - { id: totals, type: aggregate, from: sales, group_by: [shop], window: { tumbling: 10m }, mode: complete, select: { n: "count(*)", cents: "sum(cents)", least: "min(cents)" } }
    - { id: coded, type: sql, from: sales, sql: "SELECT id, shop, CAST(code AS INTEGER) AS code, cents * 2 AS twice FROM sales WHERE cents % 3 = 0" }
    - { id: batches, type: sql, from: sales, sql: "SELECT shop, count(*) AS n, sum(cents)::BIGINT AS cents FROM sales GROUP BY shop" }
  sinks:
    - { id: minutes_file, from: minutes, type: file, path: out/minutes.jsonl, format: json }
    - { id: minutes_topic, from: minutes, type: topic, topic: queries.minutes, key: shop }
    - { id: slides_file, from: slides, type: file, path: out/slides.csv, format: csv }
    - { id: slides_parts, from: slides, type: file, path: out/slides, format: json, partition_by: [shop] }
    - { id: changes_file, from: changes, type: file, path: out/changes.jsonl, format: json }
    - { id: moving_topic, from: moving, type: topic, topic: queries.moving, key: shop }
    - { id: totals_file, from: totals, type: file, path: out/totals.csv, format: csv }
    - { id: totals_parts, from: totals, type: file, path: out/totals, format: json, partition_by: [shop] }
    - { id: coded_parts, from: coded, type: file, path: out/coded, format: csv, partition_by: [shop] }
    - { id: batches_file, from: batches, type: file, path: out/batches.jsonl, format: json }
    - { id: checked, from: sales, where: "CAST(code AS BIGINT) % 7 = 0", type: topic, topic: queries.checked, key: shop }
`,
  prepare: async (dir) => {
    const random = seededRandom(11);
    const lines = Array.from({ length: SALES }, (_, id) => {
      const late = id > 0.7 * SALES && random.below(40) === 0;
      const row = {
        id,
        shop: `shop ${random.below(5)}`,
        cents: random.below(20_000) - 500,
        code: random.below(150) === 0 ? 'none' : String(random.below(1000)),
        at: SALES_BEGIN + id * 700 + random.below(5000) - (late ? 2 * HOUR : 0),
      };
      return id % 500 === 77 ? '{"id":' : JSON.stringify(row);
    });
    writeLines(dir, 'in.jsonl', lines);
    writeLines(dir, 'profile.yaml', ['checkpoint: { every: 150ms }']);
  },
  files: ['out/minutes.jsonl', 'out/slides.csv', 'out/changes.jsonl', 'out/batches.jsonl'],
  replaced: ['out/totals.csv'],
  parts: ['out/slides', 'out/totals', 'out/coded'],
  topics: ['sales', 'queries.minutes', 'queries.moving', 'queries.checked', 'queries.dead'],
  settled: {
    'out/changes.jsonl': lastOf(['shop'], 'n', (line) => JSON.parse(line) as Record<string, unknown>),
    'out/batches.jsonl': sumOf('shop', ['n', 'cents']),
    'queries.moving': lastOf(['shop', 'window_start'], 'n', (line) => (JSON.parse(line) as TopicLine)[2]),
    'queries.dead': withoutOffsets('sales'),
  },
  never: ['window.burst', 'file.written', 'end.marked', 'run.finished', 'analyze.trained', 'analyze.promoted'],
  args: ['--profile', 'profile.yaml'],
};

const DAYS = 20;
const CARDS = 40;
const FRAUD_BEGIN = Date.UTC(2018, 3, 1);

interface CardPayment {
  readonly tx_id: number;
  readonly event_time: number;
  readonly customer_id: string;
  readonly terminal_id: string;
  readonly cents: number;
  readonly is_fraud: boolean;
}

/** In the order of time. On the days that a card is bad its payments are dear, and frauds; so are a few others. */
function cardPayments(seed: number, count: number): CardPayment[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const card = random.below(CARDS);
    const event_time = FRAUD_BEGIN + Math.floor((i * DAYS * DAY) / count) + random.below(MINUTE);
    const day = Math.floor((event_time - FRAUD_BEGIN) / DAY);
    const bad = (card * 7 + day) % 11 === 0;
    const is_fraud = (bad && random.below(4) > 0) || random.below(200) === 0;
    return {
      tx_id: i,
      event_time,
      customer_id: `c${card}`,
      terminal_id: `t${(card + random.below(5)) % 30}`,
      cents: 1000 + random.below(9000) + (is_fraud ? 4000 + random.below(20_000) : 0),
      is_fraud,
    };
  }).sort((a, b) => a.event_time - b.event_time);
}

const PAYMENT =
  '{ name: tx_id, type: long }, { name: event_time, type: long }, { name: customer_id, type: string }, { name: terminal_id, type: string }, { name: cents, type: long }';
const FEATURES =
  '{ name: night, type: boolean }, { name: n_1d, type: long }, { name: avg_1d, type: double }, { name: n_7d, type: long }, { name: avg_7d, type: double }';
const SCORE = '{ name: score, type: ["null", double] }, { name: alarm, type: boolean }';
const ROLLING = `    - { id: calendar, type: map, set: { night: "hour(epoch_ms(event_time)) <= 6" } }
    - { id: day, type: rolling, key: customer_id, range: 1d, add: { n_1d: "count(*)", avg_1d: "avg(cents)" } }
    - { id: week, type: rolling, key: customer_id, range: 7d, add: { n_7d: "count(*)", avg_7d: "avg(cents)" } }`;

/**
 * pipelines/fraud-detection in small: four partitions by card, whose features, scores and alerts are each card's own. Labels are in the
 * records.
 */
export const fraud: Scenario = {
  name: 'fraud',
  yaml: `version: 1
name: fraud
schemas:
  payment: { type: record, name: Payment, fields: [${PAYMENT}, { name: is_fraud, type: boolean }] }
  scored: { type: record, name: Scored, fields: [${PAYMENT}, ${FEATURES}, ${SCORE}, { name: is_fraud, type: boolean }] }
  alert: { type: record, name: Alert, fields: [${PAYMENT}, ${SCORE}] }
preprocess:
  sources:
    - { id: payments, type: topic, topic: payments, format: json, schema: payment, key: customer_id, event_time: { field: event_time, out_of_order: 2m } }
  steps:
${ROLLING}
    - { id: live, type: score, model: fraud, as: score, alarm: alarm }
    - { id: today, type: rolling, key: customer_id, tumbling: 1d, add: { alarms_today: "count(*) FILTER (alarm)" } }
    - { id: first_alarm, type: filter, where: "alarm AND alarms_today = 1" }
  outputs:
    - { id: bridge, from: live, topic: fraud.scored, schema: scored, key: customer_id }
    - { id: alerts, from: first_alarm, topic: fraud.alerts, schema: alert, key: customer_id }
analyze:
  trigger: { every: 0s, max_records: 120 }
  sources:
    - { id: scored, output: bridge }
  queries:
    - { id: by_terminal, type: aggregate, from: scored, group_by: [terminal_id], window: { tumbling: 1d }, watermark: bridge, select: { n: "count(*)", cents: "sum(cents)", alarms: "count(*) FILTER (alarm)", frauds: "count(*) FILTER (is_fraud)" } }
  sinks:
    - { id: terminals, from: by_terminal, type: file, path: out/terminals.jsonl, format: json }
models:
  fraud:
    type: logistic_regression
    features: [cents, night, n_1d, avg_1d, n_7d, avg_7d]
    swap: at_event_time
    label: { field: is_fraud, known_after: 2d }
    train: { from: scored, window: 4d, every: 1d, l2: 1.0 }
    evaluate: { on: next_window, card: customer_id, alerts_per_day: 3 }
`,
  prepare: async (dir, dataDir) => {
    const lines = cardPayments(21, 3000).map((payment) => JSON.stringify(payment));
    writeLines(dir, 'in.jsonl', lines);
    writeLines(dir, 'profile.yaml', ['checkpoint: { every: 150ms }']);
    await produceLines(join(dir, 'in.jsonl'), { topic: 'payments', key: 'customer_id', dataDir });
  },
  files: ['out/terminals.jsonl'],
  topics: ['fraud.scored', 'fraud.alerts', 'fraud.models'],
  settled: { 'fraud.models': decisions },
  never: ['window.burst', 'file.written', 'run.finished'],
  args: ['--profile', 'profile.yaml'],
};

/** Labels come on a bridge of their own, days after their payments; a terminal's past is behind an exchange; a model must be better to be promoted. */
export const labels: Scenario = {
  name: 'labels',
  yaml: `version: 1
name: labels
schemas:
  payment: { type: record, name: Payment, fields: [${PAYMENT}] }
  label: { type: record, name: Label, fields: [{ name: tx_id, type: long }, { name: known_at, type: long }, { name: is_fraud, type: boolean }] }
  scored: { type: record, name: Scored, fields: [${PAYMENT}, ${FEATURES}, { name: terminal_n, type: long }, { name: terminal_top, type: long }, ${SCORE}] }
  alert: { type: record, name: Alert, fields: [${PAYMENT}, ${SCORE}] }
preprocess:
  sources:
    - { id: payments, type: file, path: payments.jsonl, format: json, schema: payment, key: customer_id, event_time: { field: event_time } }
    - { id: truth, type: file, path: labels.jsonl, format: json, schema: label, key: tx_id, event_time: { field: known_at } }
  steps:
${ROLLING.replace('id: calendar, type: map,', 'id: calendar, type: map, from: payments,')}
    - { id: terminal, type: rolling, key: terminal_id, delay: 1d, range: 3d, add: { terminal_n: "count(*)", terminal_top: "coalesce(max(cents), 0)" } }
    - { id: live, type: score, model: fraud, as: score, alarm: alarm }
    - { id: alarmed, type: filter, where: "alarm" }
  outputs:
    - { id: bridge, from: live, topic: labels.scored, schema: scored, key: customer_id }
    - { id: told, from: truth, topic: labels.known, schema: label, key: tx_id }
    - { id: alerts, from: alarmed, topic: labels.alerts, schema: alert, key: customer_id }
analyze:
  trigger: { every: 0s, max_records: 200 }
  sources:
    - { id: scored, output: bridge }
    - { id: known, output: told }
  sinks:
    - { id: loud, from: scored, where: "score > 0.7", type: file, path: out/loud.csv, format: csv }
models:
  fraud:
    type: logistic_regression
    features: [cents, night, n_1d, avg_1d, n_7d, avg_7d, terminal_n, terminal_top]
    swap: at_event_time
    label: { source: known, on: tx_id, field: is_fraud, known_after: 2d }
    train: { from: scored, window: 3d, every: 1d, l2: 1.0 }
    evaluate: { on: next_window, card: customer_id, alerts_per_day: 3 }
    promote_if: "average_precision >= current.average_precision"
`,
  prepare: async (dir) => {
    const payments = cardPayments(31, 2000);
    writeLines(
      dir,
      'payments.jsonl',
      payments.map(({ is_fraud: _, ...payment }) => JSON.stringify(payment)),
    );
    // one in ten is never told of; a few are told of late, and count as no fraud until then
    const random = seededRandom(32);
    const told = payments.flatMap(({ tx_id, event_time, is_fraud }) =>
      !is_fraud && random.below(10) === 0 ? [] : [{ tx_id, known_at: event_time + 2 * DAY - HOUR + (random.below(30) === 0 ? DAY : 0), is_fraud }],
    );
    writeLines(
      dir,
      'labels.jsonl',
      told.sort((a, b) => a.known_at - b.known_at).map((label) => JSON.stringify(label)),
    );
    writeLines(dir, 'profile.yaml', ['checkpoint: { every: 150ms }']);
  },
  files: ['out/loud.csv'],
  topics: ['labels.scored', 'labels.known', 'labels.alerts', 'labels.models'],
  settled: { 'labels.models': decisions },
  never: ['window.burst', 'file.written', 'end.marked', 'run.finished'],
  args: ['--profile', 'profile.yaml'],
};
