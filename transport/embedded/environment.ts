import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { storageFailure } from '../failures.ts';
import { checkFile } from './check-file.ts';
import { roomForLock } from './lock-room.ts';

/** the address space set aside for the file, which grows as it is written; the file itself is as large as what it holds */
const MAP_SIZE = 2 ** 40;

type Bytes = Database<Uint8Array, Uint8Array>;

/** One table of the environment: bytes to bytes, ordered by key. */
export class Table {
  readonly #database: Bytes;

  constructor(database: Bytes) {
    this.#database = database;
  }

  /** the value, which stands until the next call on the environment; undefined when there is none */
  get(key: Uint8Array): Uint8Array | undefined {
    const bytes = this.#database.getBinaryFast(key);
    // lmdb hands out one large buffer and overrides its `length` with the value's
    return bytes === undefined ? undefined : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#database.putSync(key, value);
  }

  remove(key: Uint8Array): void {
    this.#database.removeSync(key);
  }

  /** the first key ≥ `from`, or with `last` the last key ≤ `from` */
  nearest(from: Uint8Array, last = false): Uint8Array | undefined {
    for (const key of this.#database.getKeys({ start: from, reverse: last, limit: 1 })) return key;
    return undefined;
  }

  /** keys in [from, to) */
  keys(from: Uint8Array, to: Uint8Array): Uint8Array[] {
    return [...this.#database.getKeys({ start: from, end: to })];
  }

  /** entries in [from, to); the values are copies */
  *entries(from: Uint8Array, to: Uint8Array): Generator<readonly [key: Uint8Array, value: Uint8Array]> {
    for (const { key, value } of this.#database.getRange({ start: from, end: to })) yield [key, value];
  }
}

/** The LMDB environment of a data directory: the only place that knows lmdb. Its failures come as `MillraceError`s. */
export class Environment {
  readonly path: string;
  readonly #root: RootDatabase;

  constructor(dir: string, options: { readonly sync: boolean }) {
    this.path = join(dir, 'log.mdb');
    this.#root = this.guard(() => {
      mkdirSync(dir, { recursive: true });
      checkFile(this.path);
      roomForLock(this.path);
      // overlappingSync off: a commit returns when it is on the disk. The root keeps lmdb's own key encoding, or its named tables are not found again.
      return open({ path: this.path, noSubdir: true, maxDbs: 16, maxReaders: 512, mapSize: MAP_SIZE, overlappingSync: false, noSync: !options.sync });
    });
  }

  table(name: string): Table {
    return this.guard(() => new Table(this.#root.openDB<Uint8Array, Uint8Array>(name, { keyEncoding: 'binary', encoding: 'binary' })));
  }

  /** from here on reads see what others have committed by now; otherwise they do so once per turn of the event loop */
  refresh(): void {
    this.#root.resetReadTxn();
  }

  /** runs `work` in one write transaction, durable on return (unless `sync` is off), or without a trace when it throws */
  transaction(work: () => void): void {
    this.guard(() => this.#root.transactionSync(work));
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storageFailure(error, this.path);
    }
  }
}
