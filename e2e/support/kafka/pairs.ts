import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { produceLines, writeLines } from '../lines.ts';
import { START, saleLines, shopLines } from '../sales.ts';
import type { Pair } from './pair.ts';

const ORDER = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'order_id', type: 'long' },
    { name: 'customer', type: 'string' },
    { name: 'item', type: 'string' },
    { name: 'units', type: 'int' },
    { name: 'price', type: ['null', 'double'], default: null },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
};

function orderLines(count: number): string[] {
  const random = seededRandom(42);
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      order_id: i,
      customer: `k${random.below(100)}`,
      item: `i${random.below(80)}`,
      units: 1 + random.below(9),
      ...(random.below(3) === 0 ? {} : { price: random.below(10_000) / 4 }),
      at: START + i * 20,
    }),
  );
}

/**
 * Both stages, JSON and Avro in and out, exchanges, state of every kind, dead letters, and each kind of output. Nothing of it depends on which
 * of two partitions came first: what may be late or a repeat is judged by the source's own key, in front of any exchange.
 */
export function both(name: string, payments: number): Pair {
  return pairOf(name, payments, true);
}

/** The same with topics in the place of files, so that it can go on where there is nothing of it. */
export function topicsOnly(name: string, payments: number): Pair {
  return pairOf(name, payments, false);
}

function pairOf(name: string, payments: number, files: boolean): Pair {
  const to = (topic: string, key: string, path: string, format: string): string =>
    files ? `type: file, path: out/${path}, format: ${format}` : `type: topic, topic: ${topic}, key: ${key}`;
  return {
    name,
    yaml: (tag) => `version: 1
name: ${tag}
schemas:
  payment: { type: record, name: Payment, fields: [{ name: id, type: long }, { name: card, type: string }, { name: shop, type: string }, { name: cents, type: long }, { name: at, type: long }] }
  order: ${JSON.stringify(ORDER)}
  scored: { type: record, name: Scored, fields: [{ name: id, type: long }, { name: card, type: string }, { name: shop, type: string }, { name: risk, type: ["null", long] }, { name: fee, type: long }, { name: n, type: long }, { name: total, type: long }, { name: at, type: long }] }
  sum: { type: record, name: Sum, fields: [{ name: item, type: string }, { name: orders, type: long }, { name: units, type: long }, { name: window_start, type: { type: long, logicalType: timestamp-millis } }] }
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  sources:
    - { id: payments, type: topic, topic: ${tag}.payments, format: json, schema: payment, key: card, event_time: { field: at, out_of_order: 2s } }
    - { id: orders, type: topic, topic: ${tag}.orders, format: avro, schema: order, key: customer, event_time: { field: at } }
  steps:
    - { id: paid, type: filter, from: payments, where: "cents > 0" }
    - { id: fees, type: map, set: { fee: "cents // 100 + 10" } }
    - { id: known, type: lookup, table: shops, on: shop, add: [risk], missing: dead_letter }
    - { id: once, type: dedupe, key: card, within: 300ms }
    - { id: recent, type: rolling, key: card, range: 20s, allowed_lateness: 10s, add: { n: "count(*)", total: "sum(cents)" } }
    - { id: per_card, type: window, from: fees, key: card, window: { tumbling: 20s }, select: { n: "count(*)", fees: "sum(fee)", largest: "max(cents)" } }
    - { id: items, type: window, from: orders, key: item, window: { tumbling: 10s }, select: { orders: "count(*)", units: "sum(units)" } }
    - { id: slides, type: window, from: orders, key: item, window: { sliding: 20s, every: 5s }, select: { n: "count(*)", units: "sum(units)", price: "max(price)" } }
  outputs:
    - { id: bridge, from: recent, topic: ${tag}.scored, schema: scored, key: card }
    - { id: cards_topic, from: per_card, topic: ${tag}.cards, format: json, key: card }
    - { id: items_topic, from: items, topic: ${tag}.items, schema: sum, key: item }
    - { id: cards_file, from: per_card, ${to(`${tag}.cards2`, 'card', 'cards.csv', 'csv')}${files ? '' : ', format: json'} }
    - { id: slides_file, from: slides, ${to(`${tag}.slides`, 'item', 'slides.jsonl', 'json')}${files ? '' : ', format: json'} }
analyze:
  trigger: { every: 0s, max_records: 500 }
  sources:
    - { id: scored, output: bridge }
  queries:
    - { id: by_shop, type: aggregate, from: scored, group_by: [shop], window: { tumbling: 30s }, watermark: bridge, select: { n: "count(*)", fees: "sum(fee)", top: "max(n)" } }
  sinks:
    - { id: shops_file, from: by_shop, ${to(`${tag}.shops2`, 'shop', 'shops.jsonl', 'json')} }
    - { id: shops_topic, from: by_shop, type: topic, topic: ${tag}.shops, key: shop }
    - { id: dear, from: scored, where: "fee > 180", type: topic, topic: ${tag}.dear, schema: scored, key: card }
    - { id: screen, from: by_shop, type: console, limit: 100000 }
dead_letter: { topic: ${tag}.dead }
`,
    prepare: async (dir, dataDir, tag) => {
      // ten shops are missing
      writeLines(dir, 'shops.csv', shopLines(190));
      writeLines(dir, 'payments.jsonl', saleLines(payments, { seed: 41, cards: 300, shops: 200, least: -500 }));
      writeLines(dir, 'orders.jsonl', orderLines(payments / 2));
      writeLines(dir, 'order.avsc', [JSON.stringify(ORDER)]);
      await produceLines(join(dir, 'payments.jsonl'), { topic: `${tag}.payments`, key: 'card', dataDir });
      await produceLines(join(dir, 'orders.jsonl'), {
        topic: `${tag}.orders`,
        key: 'customer',
        dataDir,
        partitions: 3,
        more: ['--schema', join(dir, 'order.avsc')],
      });
    },
    inputs: ['payments', 'orders'],
    outputs: ['scored', 'cards', 'items', 'shops', 'dear', 'dead', ...(files ? [] : ['cards2', 'slides', 'shops2'])],
    files: files ? ['out/cards.csv', 'out/slides.jsonl', 'out/shops.jsonl'] : [],
  };
}
