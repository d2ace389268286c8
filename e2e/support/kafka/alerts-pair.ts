import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { succeed } from '../cli.ts';
import type { Pair } from './pair.ts';

const START = Date.UTC(2018, 2, 1);
const CARDS = 6000;
const SHOPS = 300;

/** Up to 2 s out of order; a few a minute late, a few of shops that no table has, and a few that no schema fits. */
function saleLines(count: number): string[] {
  const random = seededRandom(47);
  return Array.from({ length: count }, (_, i) => {
    const late = random.below(200) === 0 ? 60_000 : 0;
    const at = START + i * 10 - random.below(2000) - late;
    const sale = { id: i, card: `c${random.below(CARDS)}`, shop: `s${random.below(SHOPS)}`, cents: random.below(20_000), at };
    return JSON.stringify(i % 300 === 140 ? { ...sale, cents: 'many' } : sale);
  });
}

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
      mkdirSync(dir, { recursive: true });
      const write = (file: string, lines: readonly string[]): void => writeFileSync(join(dir, file), lines.map((line) => `${line}\n`).join(''));
      write('shops.csv', ['shop,risk', ...Array.from({ length: SHOPS - 1 }, (_, i) => `s${i},${(i * 13) % 97}`)]);
      write('sales.jsonl', saleLines(sales));
      const topic = ['topic', 'produce', `${tag}.sales`, '--key', 'card', '--partitions', '4', '--file', join(dir, 'sales.jsonl'), '--data-dir', dataDir];
      await succeed(topic);
    },
    inputs: ['sales'],
    outputs: ['scored', 'alerts', 'cards', 'shops', 'hot', 'dear', 'dead'],
    files: [],
  };
}
