import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import type { Scenario } from './kills.ts';
import { produceLines, writeLines } from './lines.ts';
import { START, shopLines } from './sales.ts';

const PAYMENT = `{ type: record, name: Payment, fields: [{ name: id, type: long }, { name: card, type: string }, { name: shop, type: string }, { name: cents, type: long }, { name: at, type: long }] }`;

interface Payment {
  readonly id: number;
  readonly card: string;
  readonly shop: string;
  readonly cents: number;
  readonly at: number;
}

/** `count` payments `step` ms apart, up to `jitter` ms out of order, one in 200 a minute late when `late`. */
function payments(seed: number, count: number, step: number, jitter: number, late: boolean): Payment[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => ({
    id: i,
    card: `c${random.below(400)}`,
    shop: `s${random.below(1500)}`,
    cents: random.below(20_000) - 500,
    at: START + i * step - random.below(jitter + 1) - (late && random.below(200) === 0 ? 60_000 : 0),
  }));
}

function profile(dir: string, text: string): void {
  writeLines(dir, 'profile.yaml', [text]);
}

/** A file of one partition: everything by the source's own key, in front of one exchange with one writer, so late records are the same in each run. */
export const cards: Scenario = {
  name: 'cards',
  yaml: `version: 1
name: cards
schemas:
  payment: ${PAYMENT}
  enriched: { type: record, name: Enriched, fields: [{ name: id, type: long }, { name: card, type: string }, { name: fee, type: long }, { name: n, type: long }, { name: total, type: long }] }
preprocess:
  sources:
    - { id: payments, type: file, path: in.jsonl, format: json, schema: payment, key: card, event_time: { field: at, out_of_order: 2s } }
  steps:
    - { id: paid, type: filter, where: "cents > 0" }
    - { id: fees, type: map, set: { fee: "cents // 100 + 10" } }
    - { id: recent, type: rolling, key: card, range: 20s, allowed_lateness: 10s, add: { n: "count(*)", total: "sum(cents)" } }
    - { id: per_card, type: window, from: fees, key: card, window: { tumbling: 20s }, select: { n: "count(*)", fees: "sum(fee)", largest: "max(cents)" } }
    - { id: per_shop, type: window, from: fees, key: shop, window: { tumbling: 40s }, select: { n: "count(*)", fees: "sum(fee)", mean: "avg(cents)" } }
  outputs:
    - { id: enriched_out, from: recent, topic: cards.enriched, schema: enriched, key: card }
    - { id: card_file, from: per_card, type: file, path: out/cards.csv, format: csv }
    - { id: shop_topic, from: per_shop, topic: cards.shops, format: json, key: shop }
    - { id: shop_file, from: per_shop, type: file, path: out/shops.jsonl, format: json }
`,
  prepare: async (dir) => {
    profile(dir, 'checkpoint: { every: 150ms }');
    const lines = payments(1, 20_000, 10, 2000, true).map((payment, i) => {
      if (i % 150 === 70) return `{"id":${i},"card":`;
      if (i % 150 === 140) return JSON.stringify({ ...payment, cents: 'many' });
      return JSON.stringify(payment);
    });
    writeLines(dir, 'in.jsonl', lines);
  },
  files: ['out/cards.csv', 'out/shops.jsonl'],
  topics: ['cards.enriched', 'cards.shops', 'cards.dead'],
  never: ['window.burst'],
  args: ['--profile', 'profile.yaml'],
};

const KEYS = 10_000;

/** Four partitions regrouped by a key with 10,000 values, whose windows all close at the same record. Order within a source partition is kept, so nothing is late. */
function burst(name: string, settings: string): Scenario {
  return {
    name,
    yaml: `version: 1
name: ${name}
schemas:
  visit: { type: record, name: Visit, fields: [{ name: visitor, type: string }, { name: page, type: string }, { name: ms, type: long }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: visits, type: topic, topic: visits, format: json, schema: visit, key: visitor, event_time: { field: at, out_of_order: 100ms } }
  steps:
    - { id: pages, type: window, key: page, window: { tumbling: 1m }, select: { n: "count(*)", ms: "sum(ms)", longest: "max(ms)" } }
    - { id: seen, type: window, from: visits, key: visitor, window: { tumbling: 1m }, select: { n: "count(*)", ms: "sum(ms)" } }
    - { id: minutes, type: map, from: pages, set: { minute: "window_start" } }
    - { id: totals, type: window, key: minute, window: { tumbling: 1m }, select: { pages: "count(*)", visits: "sum(n)" } }
  outputs:
    - { id: page_topic, from: pages, topic: ${name}.pages, format: json, key: page }
    - { id: seen_topic, from: seen, topic: ${name}.seen, format: json, key: visitor }
    - { id: page_file, from: pages, type: file, path: out/pages.jsonl, format: json }
    - { id: totals_file, from: totals, type: file, path: out/totals.csv, format: csv }
`,
    prepare: async (dir, dataDir) => {
      profile(dir, settings);
      const random = seededRandom(2);
      const lines: string[] = [];
      for (let minute = 0; minute < 2; minute++) {
        for (let i = 0; i < KEYS; i++) {
          const visitor = `v${random.below(500)}`;
          lines.push(JSON.stringify({ visitor, page: `p${(i * 7) % KEYS}`, ms: random.below(5000), at: START + minute * 60_000 + i * 5 }));
        }
      }
      writeLines(dir, 'in.jsonl', lines);
      await produceLines(join(dir, 'in.jsonl'), { topic: 'visits', key: 'visitor', dataDir });
    },
    files: ['out/pages.jsonl', 'out/totals.csv'],
    topics: [`${name}.pages`, `${name}.seen`],
    args: ['--profile', 'profile.yaml'],
  };
}

/** Two files merged by event time in one task: lookup, dedupe and sliding windows, with late records. */
const merged: Scenario = {
  name: 'merged',
  yaml: `version: 1
name: merged
schemas:
  payment: ${PAYMENT}
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  merge_wait: 1m
  sources:
    - { id: left, type: file, path: left.jsonl, format: json, schema: payment, key: card, event_time: { field: at, out_of_order: 2s } }
    - { id: right, type: file, path: right.jsonl, format: json, schema: payment, key: card, event_time: { field: at, out_of_order: 2s } }
  steps:
    - { id: both, type: union, from: [left, right] }
    - { id: known, type: lookup, table: shops, on: shop, add: [risk], missing: dead_letter }
    - { id: once, type: dedupe, key: [card, id], within: 10m }
    - { id: windows, type: window, key: card, window: { sliding: 20s, every: 5s }, select: { n: "count(*)", cents: "sum(cents)", risk: "max(risk)" } }
  outputs:
    - { id: once_topic, from: once, topic: merged.once, format: json, key: card }
    - { id: window_topic, from: windows, topic: merged.windows, format: json, key: card }
    - { id: window_file, from: windows, type: file, path: out/windows.jsonl, format: json }
`,
  prepare: async (dir) => {
    profile(dir, 'checkpoint: { every: 100ms }');
    writeLines(dir, 'shops.csv', shopLines(1480));
    const all = payments(3, 8000, 10, 2000, true);
    writeLines(
      dir,
      'left.jsonl',
      all.filter((payment) => payment.id % 3 !== 0).map((payment) => JSON.stringify(payment)),
    );
    writeLines(
      dir,
      'right.jsonl',
      all.filter((payment) => payment.id % 3 !== 1).map((payment) => JSON.stringify(payment)),
    );
  },
  files: ['out/windows.jsonl'],
  topics: ['merged.once', 'merged.windows', 'merged.dead'],
  never: ['window.burst'],
  args: ['--profile', 'profile.yaml'],
};

export const scenarios: readonly { readonly scenario: Scenario; readonly kills: number }[] = [
  { scenario: cards, kills: 70 },
  { scenario: burst('burst', 'checkpoint: { every: 1s }'), kills: 50 },
  { scenario: burst('threads', 'parallelism: 2\ncheckpoint: { every: 500ms }'), kills: 40 },
  { scenario: merged, kills: 50 },
];

/** without a snapshot before its end: every recovery is a replay from the beginning */
export const replayed: Scenario = { ...cards, name: 'replayed', args: [] };
