import { expect, test } from 'vitest';
import { querySpecs } from './analyze/queries/list.ts';
import { sinkSpecs } from './analyze/sinks/list.ts';
import { load, pipeline } from './load.case.ts';
import { outputSpecs } from './outputs/list.ts';
import { jsonSchema, pipelinePage } from './reference.ts';
import { sourceSpecs } from './sources/list.ts';
import { stepSpecs } from './steps/list.ts';

const more = `
  transaction: { type: record, name: T, fields: [{ name: tx_id, type: string }, { name: amount, type: double }, { name: event_time, type: long }] }
  scored: { type: record, name: S, fields: [{ name: tx_id, type: string }] }`;
const out = '  outputs:\n    - { id: out, topic: out }\n';
const indented = (example: string): string =>
  example
    .split('\n')
    .map((line) => `    ${line}\n`)
    .join('');
const codes = async (text: string): Promise<string[]> =>
  (await load(text, { files: { 'merchants.csv': 'merchant_id,risk,category\n1,0.5,a\n' } })).findings.map(({ code, message }) => `${code} ${message}`);

test.for(stepSpecs.map(({ type, example }) => [type, example]))('the example of the step %s lints', async ([type, example]) => {
  const before = `    - { id: first, type: map, set: { amount_usd: "amount * 1.1", pad: "1" } }\n    - { id: cards2, type: filter, from: cards, where: "amount > 1" }\n`;
  const text = pipeline(
    `  steps:\n${before}${indented(example.replace(', drop: [pad]', ', drop: [tx_id]').replace('[cards, transfers]', '[cards2, cards]').replace('type: window,', 'type: window, from: first,').replace('from: recent', 'from: first'))}${out}`,
  );
  const models = 'models: { fraud: { type: logistic_regression, features: [amount] } }\n';
  const found = await codes(`${text}tables: { merchants: { file: merchants.csv, key: merchant_id } }\n${type === 'score' ? models : ''}`);
  expect(found.filter((code) => !code.startsWith('untrained_model'))).toEqual([]);
});

test.for(sourceSpecs.map(({ type, example }) => [type, example]))('the example of the source %s lints', async ([, example]) => {
  const text = pipeline(out)
    .replace(/ {4}- \{ id: cards.*\n/, indented(example))
    .replace('schemas:', `schemas:${more}`);
  expect(await codes(text.replace('key: card_id, event', 'key: tx_id, event'))).toEqual([]);
});

test.for(outputSpecs.map(({ type, example }) => [type, example]))('the example of the output %s lints', async ([, example]) => {
  const text = pipeline(`  outputs:\n${indented(example.replace(/from: (live|minutes)/, 'from: cards'))}`).replace('schemas:', `schemas:${more}`);
  expect(await codes(text)).toEqual([]);
});

const analyzed = (queries: string, sinks: string): string =>
  pipeline(
    '  steps:\n    - { id: m, type: map, set: { p: "0.5::DOUBLE", amount_usd: amount } }\n  outputs:\n    - { id: bridge, topic: t, schema: scored }\n',
  ).replace('schemas:', `schemas:${queriesRead}`) +
  `analyze:\n  sources:\n    - { id: enriched, output: bridge }\n  queries:\n    - { id: scored, type: sql, from: enriched, sql: "SELECT *, 0.5::DOUBLE AS score, 1 AS day FROM enriched" }\n${queries}  sinks:\n${sinks}` +
  'models: { fraud: { type: logistic_regression, features: [p] } }\n';
const queriesRead = `
  alert: { type: record, name: A, fields: [{ name: card_id, type: string }] }
  scored: { type: record, name: S, fields: [{ name: card_id, type: string }, { name: merchant_id, type: long }, { name: p, type: double }, { name: amount_usd, type: double }] }`;
const serious = async (text: string): Promise<string[]> => (await codes(text)).filter((code) => !/^(untrained_model|batch_limits)/.test(code));

test.for(querySpecs.map(({ type, example }) => [type, example]))('the example of the query %s lints', async ([, example]) => {
  expect(
    await serious(analyzed(indented(example.replace('id: scored', 'id: other').replace('as: score', 'as: s')), '    - { id: out, type: console }\n')),
  ).toEqual([]);
});

test.for(sinkSpecs.map(({ type, example }) => [type, example]))('the example of the sink %s lints', async ([, example]) => {
  expect(await serious(analyzed('', indented(example.replace('by_merchant', 'scored'))))).toEqual([]);
});

test('the page and the JSON Schema name every key of every construct', () => {
  const page = pipelinePage();
  const schema = JSON.stringify(jsonSchema());
  for (const spec of [...sourceSpecs, ...stepSpecs, ...outputSpecs, ...querySpecs, ...sinkSpecs]) {
    expect(page).toContain(`### ${spec.type}`);
    expect(schema).toContain(`{"const":"${spec.type}"}`);
    for (const key of Object.keys(spec.fields)) {
      expect(page).toContain(`| \`${key}\` |`);
      expect(schema).toContain(`"${key}":`);
    }
  }
});
