import { join } from 'node:path';
import { produceLines, writeLines } from '../lines.ts';
import { saleLines, shopLines } from '../sales.ts';
import type { Pair } from './pair.ts';

const CARDS = 6000;
const SHOPS = 300;

/**
 * Both stages over topics alone, for processes that share the first: four partitions, a lookup, state by the source's key, an exchange by another key, windows of more
 * than a thousand keys that close at once, dead letters, alerts of the record stage and, behind the bridge, of the analyzer.
 */
export function alerts(name: string, sales: number): Pair {
  return {
    name,
    yaml: (tag) => `version: 1
name: ${tag}
schemas:
  sale: { type: record, name: Sale, fields: [{ name: id, type: long }, { name: card, type: string }, { name: shop, type: string }, { name: cents, type: long }, { name: at, type: long }] }
  scored: { type: record, name: Scored, fields: [{ name: id, type: long }, { name: card, type: string }, { name: shop, type: string }, { name: cents, type: long }, { name: risk, type: ["null", long] }, { name: n, type: long }, { name: total, type: long }, { name: at, type: long }] }
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  sources:
    - { id: sales, type: topic, topic: ${tag}.sales, format: json, schema: sale, key: card, event_time: { field: at, out_of_order: 2s } }
  steps:
    - { id: known, type: lookup, from: sales, table: shops, on: shop, add: [risk], missing: dead_letter }
    - { id: once, type: dedupe, key: card, within: 300ms }
    - { id: recent, type: rolling, key: card, range: 20s, allowed_lateness: 10s, add: { n: "count(*)", total: "sum(cents)" } }
    - { id: large, type: filter, from: recent, where: "total > 19000" }
    - { id: per_card, type: window, from: known, key: card, window: { tumbling: 120s }, select: { n: "count(*)", total: "sum(cents)" } }
    - { id: per_shop, type: window, from: known, key: shop, window: { tumbling: 10s }, select: { n: "count(*)", total: "sum(cents)" } }
  outputs:
    - { id: bridge, from: recent, topic: ${tag}.scored, schema: scored, key: card }
    - { id: alerts, from: large, topic: ${tag}.alerts, format: json, key: card }
    - { id: cards, from: per_card, topic: ${tag}.cards, format: json, key: card }
    - { id: shops, from: per_shop, topic: ${tag}.shops, format: json, key: shop }
analyze:
  trigger: { every: 100ms, max_records: 2000 }
  sources:
    - { id: scored, output: bridge }
  queries:
    - { id: by_shop, type: aggregate, from: scored, group_by: [shop], window: { tumbling: 30s }, watermark: bridge, select: { n: "count(*)", total: "sum(cents)", top: "max(n)" } }
  sinks:
    - { id: hot, from: by_shop, where: "total > 80000", type: topic, topic: ${tag}.hot, key: shop }
    - { id: dear, from: scored, where: "cents > 19000", type: topic, topic: ${tag}.dear, schema: scored, key: card }
dead_letter: { topic: ${tag}.dead }
`,
    prepare: async (dir, dataDir, tag) => {
      // a few sales are of the one shop that it lacks
      writeLines(dir, 'shops.csv', shopLines(SHOPS - 1));
      writeLines(dir, 'sales.jsonl', saleLines(sales, { seed: 47, cards: CARDS, shops: SHOPS }));
      await produceLines(join(dir, 'sales.jsonl'), { topic: `${tag}.sales`, key: 'card', dataDir });
    },
    inputs: ['sales'],
    outputs: ['scored', 'alerts', 'cards', 'shops', 'hot', 'dear', 'dead'],
    files: [],
  };
}
