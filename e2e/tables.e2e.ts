import { expect, it } from 'vitest';
import { workshop } from './support/workshop.ts';

const at = workshop();

const pipeline = `version: 1
name: shops
schemas:
  sale: { type: record, name: Sale, fields: [ { name: id, type: long }, { name: shop, type: string }, { name: at, type: long } ] }
tables: { shops: { file: shops.csv, key: shop } }
preprocess:
  sources: [{ id: sales, type: topic, topic: sales, format: json, schema: sale, key: shop, event_time: { field: at } }]
  steps: [{ id: known, type: lookup, table: shops, on: shop, add: [risk] }]
  outputs: [{ id: rows, topic: rows, format: json }]
`;
const SHOPS = 40;
const shops = (version: number): string => ['shop,risk', ...Array.from({ length: SHOPS }, (_, i) => `s${i},${version}`), ''].join('\n');

let sent = 0;
async function sell(): Promise<void> {
  const sale = (i: number): string => JSON.stringify({ id: sent++, shop: `s${i}`, at: 1_700_000_000_000 + sent });
  const input = Array.from({ length: SHOPS }, (_, i) => `${sale(i)}\n`).join('');
  const { code, stderr } = await at.call(['topic', 'produce', 'sales', '--key', 'shop', '--data-dir', 'data'], { input });
  expect(code, stderr).toBe(0);
}

const risks = async (): Promise<number[]> => (await at.cat('rows')).map(({ value }) => (value as { risk: number }).risk);

it('a lookup file is edited while two threads work, and while nobody does: what comes after sees the edit, kills or not', async () => {
  at.put('p.yaml', pipeline);
  at.put('two.yaml', 'parallelism: 2\n');
  at.put('shops.csv', shops(1));
  const start = () => at.start(['run', 'p.yaml', '--profile', 'two.yaml', '--data-dir', 'data', '--json']);
  let run = start();
  /** until a round's worth of records has seen that version */
  const inForce = async (version: number): Promise<void> => {
    const seen = async (): Promise<number> => {
      await sell();
      return (await risks()).filter((risk) => risk === version).length;
    };
    await expect.poll(seen, { timeout: 60_000, interval: 300 }).toBeGreaterThanOrEqual(2 * SHOPS);
  };
  await inForce(1);
  at.put('shops.csv', shops(2));
  await run.saw('table_taken');
  await inForce(2);
  await run.kill();
  at.put('shops.csv', shops(3));
  await sell();
  run = start();
  await inForce(3);
  at.put('shops.csv', 'shop,risk\ns1,9\ns1,9\n');
  await run.saw('table_refused');
  await sell();
  const { code, stderr } = await run.kill('SIGINT');
  expect(code, stderr).toBe(0);
  at.put('shops.csv', shops(3));
  await at.run();
  const rows = (await at.cat('rows')).map(({ partition, value }) => ({ partition, ...(value as { id: number; risk: number }) }));
  expect(rows.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, id) => id));
  for (let p = 0; p < 4; p++) {
    const of = rows.filter(({ partition }) => partition === p).map(({ risk }) => risk);
    expect(of).toEqual(of.toSorted((a, b) => a - b));
    expect([...new Set(of)]).toEqual([1, 2, 3]);
  }
});
