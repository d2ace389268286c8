import { expect, test } from 'vitest';
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

test.for(stepSpecs.map(({ type, example }) => [type, example]))('the example of the step %s lints', async ([, example]) => {
  const before = `    - { id: first, type: map, set: { amount_usd: "amount * 1.1", pad: "1" } }\n    - { id: cards2, type: filter, from: cards, where: "amount > 1" }\n`;
  const text = pipeline(
    `  steps:\n${before}${indented(example.replace(', drop: [pad]', ', drop: [tx_id]').replace('[cards, transfers]', '[cards2, cards]').replace('type: window,', 'type: window, from: first,'))}${out}`,
  );
  expect(await codes(`${text}tables: { merchants: { file: merchants.csv, key: merchant_id } }\n`)).toEqual([]);
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

test('the page and the JSON Schema name every key of every construct', () => {
  const page = pipelinePage();
  const schema = JSON.stringify(jsonSchema());
  for (const spec of [...sourceSpecs, ...stepSpecs, ...outputSpecs]) {
    expect(page).toContain(`### ${spec.type}`);
    expect(schema).toContain(`{"const":"${spec.type}"}`);
    for (const key of Object.keys(spec.fields)) {
      expect(page).toContain(`| \`${key}\` |`);
      expect(schema).toContain(`"${key}":`);
    }
  }
});
