import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { storageFull } from '@millrace/transport/failures.ts';

/** crc32, little-endian, before what is kept */
const HEAD = 4;

/**
 * What jobs give, as files of the data directory: `jobs/<pipeline>/<batch>/<name>`. A file is there as a whole or not at all, and who writes one that is there
 * writes the same bytes. Nothing here outlives its batch, so nothing is synced: a file that a power cut has damaged is none.
 */
export class PartFiles {
  readonly #root: string;
  /** for messages */
  readonly place: string;

  constructor(dataDir: string, pipeline: string) {
    this.place = join(dataDir, 'jobs');
    this.#root = join(dataDir, 'jobs', encodeURIComponent(pipeline));
  }

  has(batch: number, name: string): boolean {
    return existsSync(this.#path(batch, name));
  }

  drop(batch: number, name: string): void {
    rmSync(this.#path(batch, name), { force: true });
  }

  /** null when it is not there, or not whole */
  read(batch: number, name: string): Uint8Array | null {
    let file: Buffer;
    try {
      file = readFileSync(this.#path(batch, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const whole = file.length >= HEAD && file.readUInt32LE(0) === crc32(file.subarray(HEAD));
    return whole ? file.subarray(HEAD) : null;
  }

  write(batch: number, name: string, bytes: Uint8Array): void {
    const path = this.#path(batch, name);
    const head = Buffer.alloc(HEAD);
    head.writeUInt32LE(crc32(bytes));
    // several may write it at once
    const beside = `${path}.${hostname()}.${process.pid}.${threadId}~`;
    try {
      mkdirSync(join(this.#root, String(batch)), { recursive: true });
      writeFileSync(beside, Buffer.concat([head, bytes]));
      renameSync(beside, path);
    } catch (error) {
      rmSync(beside, { force: true });
      throw storageFull(error, path) ?? error;
    }
  }

  /** Removes what there is of batches before this one, late writers' files too. */
  forget(before: number): void {
    let batches: string[];
    try {
      batches = readdirSync(this.#root);
    } catch {
      return;
    }
    for (const batch of batches) if (Number(batch) < before) rmSync(join(this.#root, batch), { recursive: true, force: true });
  }

  #path(batch: number, name: string): string {
    return join(this.#root, String(batch), name);
  }
}
