import { join } from 'node:path';
import { produceLines, writeLines } from '../lines.ts';
import { saleLines, shopLines } from '../sales.ts';
import type { Pair } from './pair.ts';

const SHOPS = 50;
const DRAW = { seed: 43, cards: 300, shops: SHOPS };

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
      // a few sales are of the one shop that it lacks
      writeLines(dir, 'shops.csv', shopLines(SHOPS - 1));
      writeLines(dir, 'sales.jsonl', saleLines(sales, DRAW));
      if (files) writeLines(dir, 'old.jsonl', saleLines(sales / 4, DRAW));
      await produceLines(join(dir, 'sales.jsonl'), { topic: `${tag}.sales`, key: 'card', dataDir });
    },
    inputs: ['sales'],
    outputs: ['enriched', 'shops', 'dead'],
    files: files ? ['out/large.jsonl', 'out/shops.jsonl'] : [],
  };
}
