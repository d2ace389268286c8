import { rmSync } from 'node:fs';
import { afterEach } from 'vitest';
import { Harness } from './harness.case.ts';

const SALE = '{ name: shop, type: string }, { name: amount, type: long }';

/** The file of a shop, up to where its queries begin: sales over a bridge, notes over a topic. `sale`: the fields of a sale. */
export function shopYaml(queries: string, { sale = SALE, trigger = 'every: 0s' }: { sale?: string; trigger?: string } = {}): string {
  return `
version: 1
name: shop
schemas:
  sale: { type: record, name: Sale, fields: [${sale}] }
  note: { type: record, name: Note, fields: [{ name: id, type: long }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: in, type: file, path: in.jsonl, format: json, schema: sale }
  outputs:
    - { id: bridge, topic: sales, schema: sale }
analyze:
  trigger: { ${trigger} }
  sources:
    - { id: sales, output: bridge }
    - { id: notes, topic: notes, format: json, schema: note, event_time: { field: at } }
${queries}`;
}

/** Makes shops whose bridge has two writers, and removes them behind each test. */
export function shops(): (yaml: string, partitions?: number) => Promise<Harness> {
  const made: Harness[] = [];
  afterEach(() => {
    for (const { dir } of made.splice(0)) rmSync(dir, { recursive: true });
  });
  return async (yaml, ...partitions) => {
    const harness = await new Harness(...partitions).load(yaml);
    made.push(harness);
    harness.writers('sales', [0, 1]);
    return harness;
  };
}
