import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { succeed } from '../cli.ts';
import type { Pair } from './pair.ts';

const START = Date.UTC(2018, 2, 1);
const SHOPS = 50;

/** Up to 2 s out of order; a few a minute late, a few twice, a few of shops that no table has, and a few that no schema fits. */
function saleLines(count: number): string[] {
  const random = seededRandom(43);
  return Array.from({ length: count }, (_, i) => {
    const late = random.below(200) === 0 ? 60_000 : 0;
    const sale = {
      id: i,
      card: `c${random.below(300)}`,
      shop: `s${random.below(SHOPS)}`,
      cents: random.below(20_000),
      at: START + i * 10 - random.below(2000) - late,
    };
    return JSON.stringify(i % 300 === 140 ? { ...sale, cents: 'many' } : sale);
  });
}

/**
 * A record stage that processes share: four partitions, a lookup, state by the source's key, an exchange by another key, windows, dead letters. With `files` a
 * source that is a file and an output that is one, each with one task.
 */
export function shared(name: string, sales: number, { files = false, windows = '10s' } = {}): Pair {
  return {
    name,
    yaml: (tag) => `version: 1
name: ${tag}
schemas:
  sale: { type: record, name: Sale, fields: [{ name: id, type: long }, { name: card, type: string }, { name: shop, type: string }, { name: cents, type: long }, { name: at, type: long }] }
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  sources:
    - { id: sales, type: topic, topic: ${tag}.sales, format: json, schema: sale, key: card, event_time: { field: at, out_of_order: 2s } }
${files ? '    - { id: old, type: file, path: old.jsonl, format: json, schema: sale, event_time: { field: at, out_of_order: 2s } }' : ''}
  steps:
    - { id: known, type: lookup, from: sales, table: shops, on: shop, add: [risk], missing: dead_letter }
    - { id: once, type: dedupe, key: card, within: 300ms }
    - { id: recent, type: rolling, key: card, range: 20s, allowed_lateness: 10s, add: { n: "count(*)", total: "sum(cents)" } }
    - { id: per_shop, type: window, from: known, key: shop, window: { tumbling: ${windows} }, select: { n: "count(*)", total: "sum(cents)" } }
${files ? '    - { id: large, type: filter, from: old, where: "cents > 10000" }' : ''}
  outputs:
    - { id: enriched, from: recent, topic: ${tag}.enriched, format: json, key: card }
    - { id: shops, from: per_shop, topic: ${tag}.shops, format: json, key: shop }
${files ? '    - { id: large_file, from: large, type: file, path: out/large.jsonl, format: json }\n    - { id: shops_file, from: per_shop, type: file, path: out/shops.jsonl, format: json }' : ''}
dead_letter: { topic: ${tag}.dead }
`,
    prepare: async (dir, dataDir, tag) => {
      mkdirSync(dir, { recursive: true });
      const write = (file: string, lines: readonly string[]): void => writeFileSync(join(dir, file), lines.map((line) => `${line}\n`).join(''));
      write('shops.csv', ['shop,risk', ...Array.from({ length: SHOPS - 1 }, (_, i) => `s${i},${(i * 13) % 97}`)]);
      write('sales.jsonl', saleLines(sales));
      if (files) write('old.jsonl', saleLines(sales / 4));
      const topic = ['topic', 'produce', `${tag}.sales`, '--key', 'card', '--partitions', '4', '--file', join(dir, 'sales.jsonl'), '--data-dir', dataDir];
      await succeed(topic);
    },
    inputs: ['sales'],
    outputs: ['enriched', 'shops', 'dead'],
    files: files ? ['out/large.jsonl', 'out/shops.jsonl'] : [],
  };
}
