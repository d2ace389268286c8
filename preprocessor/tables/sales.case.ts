import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { MemoryTransport } from '@millrace/transport/memory.ts';
import { expect } from 'vitest';

const SHOPS = 10;
/** ms in which what is waited for comes, on a busy machine too */
export const WITHIN = 30_000;

const yaml = (steps: readonly string[], outputs: readonly string[]): string => `
version: 1
name: shops
schemas:
  sale: { type: record, name: Sale, fields: [{ name: id, type: long }, { name: shop, type: string }, { name: at, type: long }] }
tables:
  shops: { file: shops.csv, key: shop }
preprocess:
  sources:
    - { id: sales, type: topic, topic: sales, format: json, schema: sale, event_time: { field: at } }
  steps:
    - { id: known, type: lookup, table: shops, on: shop, add: [risk], missing: dead_letter }
${steps.map((step) => `    - ${step}\n`).join('')}  outputs:
    - { id: rows, from: known, topic: rows, format: json }
${outputs.map((output) => `    - ${output}\n`).join('')}`;

/** A table in which every shop's risk is its version. */
export const shops = (version: number): string => ['shop,risk', ...Array.from({ length: SHOPS }, (_, shop) => `s${shop},${version}`), ''].join('\n');

interface Row {
  readonly id: number;
  readonly risk: number;
}

/** Test support: sales whose shops are looked up in a table that is edited, and what has become of them. */
export class Sales {
  readonly dir: string;
  readonly plan: Plan;
  readonly #transport: MemoryTransport;
  readonly #partitions: number;
  #sent = 0;

  private constructor(dir: string, plan: Plan, transport: MemoryTransport, partitions: number) {
    this.dir = dir;
    this.plan = plan;
    this.#transport = transport;
    this.#partitions = partitions;
  }

  /** Nothing is sold yet, and the table is version 1. `steps`, `outputs`: more of them in the file */
  static async begin(transport: MemoryTransport, partitions: number, steps: readonly string[] = [], outputs: readonly string[] = []): Promise<Sales> {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-sales-'));
    writeFileSync(join(dir, 'p.yaml'), yaml(steps, outputs));
    writeFileSync(join(dir, 'shops.csv'), shops(1));
    const loaded = await loadPipeline(join(dir, 'p.yaml'), { env: {} });
    expect(loaded.findings).toEqual([]);
    await transport.log.ensure('sales', partitions);
    return new Sales(dir, loaded.plan as Plan, transport, partitions);
  }

  close(): void {
    rmSync(this.dir, { recursive: true });
  }

  /** how many, with ids from 0 on */
  get sent(): number {
    return this.#sent;
  }

  edit(text: string): void {
    writeFileSync(join(this.dir, 'new.csv'), text);
    renameSync(join(this.dir, 'new.csv'), join(this.dir, 'shops.csv'));
  }

  /** left out: one in each partition */
  async sell(count = this.#partitions): Promise<void> {
    const out = this.#transport.log.appender('sales');
    for (const end = this.#sent + count; this.#sent < end; this.#sent++) {
      const id = this.#sent;
      const value = Buffer.from(JSON.stringify({ id, shop: `s${id % SHOPS}`, at: 1_700_000_000_000 + id * 1000 }));
      const pos = out.begin(id % this.#partitions, id, value, 0, -1);
      out.buffer.set(value, pos);
      out.end(pos + value.length);
    }
    await out.flush();
  }

  /** What a topic holds, by partition, in order. */
  read<T>(topic: string): T[][] {
    const { log } = this.#transport;
    return Array.from({ length: log.topic(topic)?.partitions ?? 0 }, (_, p) => {
      const values: T[] = [];
      const reader = log.reader(topic, p, { offset: 0 });
      for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20))
        for (let i = 0; i < view.count; i++)
          if ((view.valueEnd[i] as number) >= 0) values.push(JSON.parse(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])) as T);
      return values;
    });
  }

  rows(): Row[] {
    return this.read<Row>('rows').flat();
  }

  /** Sells until the last record of each of these partitions was looked up in that version. */
  async inForce(version: number, partitions: readonly number[] = Array.from({ length: this.#partitions }, (_, p) => p)): Promise<void> {
    const last = async (): Promise<unknown[]> => {
      await this.sell();
      await sleep(20);
      const all = this.read<Row>('rows');
      return partitions.map((p) => all[p]?.at(-1)?.risk);
    };
    await expect.poll(last, { timeout: WITHIN, interval: 20 }).toEqual(partitions.map(() => version));
  }

  /** Each record once, and the versions of a partition in their order. */
  whole(): void {
    expect(
      this.rows()
        .map(({ id }) => id)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: this.#sent }, (_, id) => id));
    for (const of of this.read<Row>('rows')) expect(of.map(({ risk }) => risk)).toEqual(of.map(({ risk }) => risk).sort((a, b) => a - b));
  }
}
