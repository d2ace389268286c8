import { seededRandom } from '@millrace/runtime/random.ts';

/** What `millrace init` writes, by file name. The same bytes every time. */
export function starterFiles(): Record<string, string> {
  return { 'pipeline.yaml': PIPELINE, 'orders.jsonl': orders(), 'products.csv': PRODUCTS, 'README.md': README };
}

const PIPELINE = `# Orders of a small shop: what each product sells in five minutes, and which orders are unusually large.
version: 1
name: shop

schemas:
  order:
    type: record
    name: Order
    fields:
      - { name: order_id, type: long }
      - { name: customer, type: string }
      - { name: product, type: string }
      - { name: quantity, type: int }
      - { name: at, type: long }            # epoch ms: the event time

tables:
  products: { file: products.csv, key: product }

preprocess:
  sources:
    - id: orders
      type: file
      path: orders.jsonl
      format: json
      schema: order
      event_time: { field: at, out_of_order: 30s }

  steps:
    - { id: valid, type: filter, where: "quantity > 0" }
    - { id: priced, type: lookup, table: products, on: product, add: [price, category], missing: dead_letter }
    - { id: valued, type: map, set: { amount: "quantity * price" } }
    - id: habit                             # each order with its customer's last hour attached
      type: rolling
      key: customer
      range: 1h
      add: { orders_1h: "count(*)", usual: "avg(amount)" }
    - { id: unusual, type: filter, where: "orders_1h >= 3 AND amount > 3 * usual" }
    - id: sales                             # one row per product and five minutes, when event time has passed them
      type: window
      from: valued
      key: product
      window: { tumbling: 5m }
      select: { orders: "count(*)", pieces: "sum(quantity)", revenue: "sum(amount)" }

  outputs:
    - { id: sales_out, from: sales, type: file, path: out/sales.jsonl, format: json }
    - { id: unusual_out, from: unusual, type: file, path: out/unusual.jsonl, format: json }
`;

const PRODUCTS = `product,category,price
espresso,drinks,2.4
cappuccino,drinks,3.2
tea,drinks,2.1
croissant,food,1.9
sandwich,food,5.5
mug,shop,12.0
`;

const README = `# shop

A first pipeline, written by \`millrace init\`.

| file | what it is |
|---|---|
| pipeline.yaml | what is computed |
| orders.jsonl | sample input: an order a line, a few seconds out of order, a few of them bad |
| products.csv | the table that orders are looked up in |

    millrace lint pipeline.yaml                 # what is wrong, if anything
    millrace explain pipeline.yaml              # what it will do
    millrace run pipeline.yaml --until end      # do it; results land in out/
    millrace topic cat shop.dead --headers --until end   # the records that could not be used, and why

Run it again: nothing happens, since everything is done. Append a line to orders.jsonl and run it again: only that line is
processed, exactly once, wherever the last run stopped or died.
`;

const MENU = ['espresso', 'espresso', 'cappuccino', 'cappuccino', 'tea', 'croissant', 'sandwich', 'mug'];
const PEOPLE = ['ada', 'barbara', 'claude', 'dijkstra', 'edith', 'frances', 'grace', 'hedy'];
/** 2026-01-05 08:00 UTC, a Monday */
const OPENING = 1_767_600_000_000;

/** 400 orders of one morning: a little out of order, one with no product, one line that is no JSON, some large. */
function orders(): string {
  const random = seededRandom(7);
  const lines: string[] = [];
  for (let i = 0; i < 400; i++) {
    const at = OPENING + i * 18_000 - random.below(20_000);
    const quantity = i % 61 === 60 ? 12 : 1 + random.below(2);
    const product = i === 150 ? 'unicorn' : MENU[random.below(MENU.length)];
    lines.push(JSON.stringify({ order_id: 1000 + i, customer: PEOPLE[random.below(PEOPLE.length)], product, quantity, at }));
    if (i === 250) lines.push('{"order_id": 1250, "customer": "ada", "prod');
  }
  return `${lines.join('\n')}\n`;
}
