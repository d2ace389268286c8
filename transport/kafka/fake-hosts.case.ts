import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Transport } from '../log.ts';
import { FakeBrokers } from './fake-client.case.ts';
import { openOwner } from './one-owner.case.ts';

/** Test support: hosts of the pipeline `p` on brokers in memory, new ones for each test. What a test leaves open is closed. */
export class FakeHosts {
  /** what their clocks say, ms: each look is one later */
  time = 1000;
  #brokers = new FakeBrokers();
  #dirs: string[] = [];
  readonly #opened = new Set<Transport>();

  constructor() {
    beforeEach(() => {
      this.#brokers = new FakeBrokers();
    });
    afterEach(async () => {
      await this.closeAll();
      for (const dir of this.#dirs.splice(0)) rmSync(dir, { recursive: true });
    });
  }

  get brokers(): FakeBrokers {
    return this.#brokers;
  }

  makeDir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-fake-'));
    this.#dirs.push(dir);
    return dir;
  }

  async open(
    host: string,
    { dataDir = this.makeDir(), immediate = false }: { readonly dataDir?: string; readonly immediate?: boolean } = {},
  ): Promise<Transport> {
    const settings = { brokers: ['nowhere:1'], client: 'fast', tls: null, sasl: null } as const;
    const clock = { now: () => this.time++, monotonic: () => 0, cpu: () => 0 };
    const of = { settings, clock, create: true, replication: 1, partitions: 1, dataDir, pipeline: 'p', host, immediate, open: this.#brokers.open };
    const transport = await openOwner(of);
    this.#opened.add(transport);
    return transport;
  }

  async close(transport: Transport): Promise<void> {
    this.forget(transport);
    await transport.close();
  }

  async closeAll(): Promise<void> {
    for (const transport of [...this.#opened]) await this.close(transport);
  }

  /** It counts as dead: nobody closes it. */
  forget(transport: Transport): void {
    this.#opened.delete(transport);
  }
}
