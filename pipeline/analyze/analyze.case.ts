import { pipeline } from '../load.case.ts';

const more = `schemas:
  scored: { type: record, name: Scored, fields: [{ name: tx_id, type: string }, { name: card_id, type: string }, { name: merchant_id, type: long }, { name: amount, type: double }, { name: currency, type: ["null", string], default: null }, { name: items, type: { type: array, items: string } }] }
  label: { type: record, name: Label, fields: [{ name: tx_id, type: string }, { name: is_fraud, type: boolean }, { name: known_at, type: long }] }
`;

const outputs = `  outputs:
    - { id: bridge, topic: enriched, schema: scored, key: card_id }
    - { id: plain, topic: plain }
    - { id: rows, type: file, path: rows.jsonl, format: json }
`;

export const enriched = '{ id: enriched, output: bridge }';
export const labels = '{ id: labels, topic: labels, schema: label, event_time: { field: known_at } }';
export const screen = '{ id: screen, type: console }';

/** A whole file with an `analyze`, around lines of its lists. */
export function analyze({
  head = '',
  sources = [enriched],
  queries = [],
  sinks = [screen],
  tail = '',
}: {
  head?: string;
  sources?: readonly string[];
  queries?: readonly string[];
  sinks?: readonly string[];
  tail?: string;
} = {}): string {
  const list = (key: string, items: readonly string[]): string => (items.length === 0 ? '' : `  ${key}:\n${items.map((item) => `    - ${item}\n`).join('')}`);
  const section = `analyze:\n${head}${list('sources', sources)}${list('queries', queries)}${list('sinks', sinks)}`;
  return `${pipeline(outputs).replace('schemas:\n', more)}${section}${tail}`;
}

/** A model over them, with keys replaced or added; null leaves one out. */
export function model(keys: Readonly<Record<string, string | null>> = {}): string {
  const all: Record<string, string | null> = {
    type: 'logistic_regression',
    features: '[amount, merchant_id]',
    label: '{ source: labels, on: tx_id, field: is_fraud, known_after: 7d }',
    train: '{ from: enriched, window: 7d }',
    ...keys,
  };
  const lines = Object.entries(all).flatMap(([key, value]) => (value === null ? [] : [`    ${key}: ${value}\n`]));
  return `models:\n  fraud:\n${lines.join('')}`;
}
