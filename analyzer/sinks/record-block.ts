import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Appender } from '@millrace/transport/log.ts';

const NOTHING = Buffer.alloc(0);

/** Records of one topic that are made now and appended later, as bytes: of each its partition, timestamp, key, value and headers. */
export class RecordBlock {
  readonly #bytes = new ByteWriter(64 * 1024);
  #pending = 0;

  get pending(): number {
    return this.#pending;
  }

  add(partition: number, timestamp: number, key: Uint8Array | null, value: Uint8Array | null, headers: Uint8Array): void {
    this.#bytes.varint(partition);
    this.#bytes.varint(timestamp);
    this.#optional(key);
    this.#optional(value);
    this.#bytes.bytes(headers);
    this.#pending++;
  }

  #optional(bytes: Uint8Array | null): void {
    this.#bytes.byte(bytes === null ? 0 : 1);
    if (bytes !== null) this.#bytes.bytes(bytes);
  }

  /** null when nothing was added since the last call */
  take(): Uint8Array | null {
    if (this.#pending === 0) return null;
    this.#pending = 0;
    return this.#bytes.finish();
  }
}

/** Appends the records of a block; visible with the commit that names the appender. */
export function appendBlock(block: Uint8Array, out: Appender): void {
  const bytes = new ByteReader(block);
  const optional = (): Uint8Array | null => (bytes.byte() === 0 ? null : bytes.bytes());
  while (!bytes.done) {
    const partition = bytes.varint();
    const timestamp = bytes.varint();
    const key = optional();
    const value = optional();
    const headers = bytes.bytes();
    const keyBytes = key ?? NOTHING;
    const keyEnd = key === null ? -1 : key.length;
    if (value === null) {
      out.null(partition, timestamp, keyBytes, 0, keyEnd, headers, 0, headers.length);
      continue;
    }
    let pos = out.begin(partition, timestamp, keyBytes, 0, keyEnd);
    while (pos + value.length > out.buffer.length) pos = out.grow();
    out.buffer.set(value, pos);
    out.end(pos + value.length, headers, 0, headers.length);
  }
}
