import fc from 'fast-check';
import { expect, test } from 'vitest';
import { load, pipeline } from './load.case.ts';

const good = pipeline(`  steps:
    - { id: valid, type: filter, where: "amount > 0 AND currency IN ('USD','EUR')" }
    - id: usd
      type: map
      set:
        usd: |
          amount * 1.1
      drop: [items]
    - { id: once, type: dedupe, key: tx_id, within: 10m }
    - { id: recent, type: rolling, key: card_id, range: 1d, add: { n: "count(*)", mean: 'avg(amount)' } }
    - { id: both, type: union, from: [once, usd] }
    - { id: minutes, type: window, from: recent, key: card_id, window: { sliding: 10m, every: 1m }, select: { n: "sum(n)" } }
  outputs:
    - { id: a, topic: out.a, key: &key [card_id] }
    - { id: b, from: both, topic: out.b, schema: card2, format: json, key: *key }
    - { id: c, type: file, path: out.jsonl, format: json }
analyze:
  trigger: { every: 1s, max_records: 50 }
  sources:
    - { id: bridge, output: b }
    - { id: labels, topic: labels, schema: label, event_time: { field: at } }
  queries:
    - { id: per, type: aggregate, from: bridge, group_by: tx_id, where: "amount > 0", window: { sliding: 10m, every: 1m }, watermark: bridge, select: { n: "count(*)" }, mode: append }
    - { id: big, type: sql, from: bridge, sql: "SELECT tx_id, amount * 2 AS twice FROM bridge WHERE amount > 5" }
    - { id: scored, type: score, from: bridge, model: fraud, as: p }
  sinks:
    - { id: alerts, from: scored, where: "p > 0.9", type: topic, topic: alerts, schema: card2 }
    - { id: archive, type: file, path: out/scored, format: parquet, partition_by: [tx_id] }
    - { id: screen, from: per, type: console, limit: 5 }
models:
  fraud:
    type: logistic_regression
    features: [amount]
    label: { source: labels, on: tx_id, field: is_fraud, known_after: 7d }
    train: { from: bridge, window: 7d, every: 1d, l2: 1.0 }
    evaluate: { on: next_window, card: tx_id, alerts_per_day: 5 }
    promote_if: "average_precision >= current.average_precision"
`).replace(
  'schemas:',
  'schemas:\n  card2: { type: record, name: T, fields: [{ name: tx_id, type: string }, { name: amount, type: double }] }\n  label: { type: record, name: L, fields: [{ name: tx_id, type: string }, { name: is_fraud, type: boolean }, { name: at, type: long }] }',
);

const bits = [
  '',
  ' ',
  '\n',
  '\t',
  ':',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a',
  '*a',
  '*key',
  '!',
  '|',
  '>',
  '#',
  '%',
  '@',
  '$',
  '${',
  '${A}',
  '$${',
  '${A:-',
  '<<: ',
  '__proto__',
  'constructor',
  'null',
  '~',
  '-1',
  '1e99',
  '.nan',
  '0s',
  '-5m',
  '\0',
  '\ufeff',
  '\u{1f600}',
  '\ud800',
  '\r\n',
  '---\n',
  '...',
  '? ',
  'count(*)',
  "'",
  ';',
  '--',
  '/*',
  '(',
  ')',
];

/** Cuts, doubles and pastes pieces of the file. */
const mutated = fc
  .array(
    fc.record({
      at: fc.nat(good.length),
      cut: fc.nat(30),
      put: fc.oneof(
        fc.constantFrom(...bits),
        fc.tuple(fc.nat(good.length), fc.nat(60)).map(([from, length]) => good.slice(from, from + length)),
      ),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((edits) => edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), good));

/** Lint answers: with a plan or with errors, each within the file. */
async function answers(text: string | Uint8Array): Promise<void> {
  const { findings, plan, text: read } = await load(text, { env: { A: '5' } });
  const lines = read.split(/\r\n|\n|\r/);
  expect(plan === null).toBe(findings.some(({ severity }) => severity === 'error'));
  for (const { line, col, end, code, message } of findings) {
    expect(code).toMatch(/^[a-z_]+$/);
    expect(message).not.toMatch(/undefined|\[object|NaN/);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(col).toBeLessThanOrEqual(lines[line - 1].length + 2);
    expect(end).toBeGreaterThan(col);
  }
}

test('the file that is mutated is fine', async () => {
  expect((await load(good)).findings).toEqual([]);
});

test('mutations of a good file end in findings or a plan, never in an exception', async () => {
  await fc.assert(fc.asyncProperty(mutated, answers), { numRuns: 100, seed: 11 });
});

test('so do random bytes', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), answers), { numRuns: 100, seed: 12 });
});

test('so do random scalars in every place', async () => {
  const places = [...good.matchAll(/: ("[^"]*"|'[^']*'|[\w.]+)/g)].map(({ index, 0: whole }) => [index + 2, index + whole.length] as const);
  const value = fc.constantFrom(
    'null',
    '{}',
    '[]',
    '5',
    'true',
    '""',
    '[a, b]',
    '{ a: b }',
    '~',
    '"${NOPE}"',
    '__proto__',
    "'sum('",
    '[[]]',
    '[1]',
    '9999999999999999999999d',
    '-1s',
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), value, ([start, end], put) => answers(good.slice(0, start) + put + good.slice(end))),
    { numRuns: 100, seed: 13 },
  );
});
