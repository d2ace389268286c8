import type { Appender } from './log.ts';

export interface TestRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers?: Buffer;
  timestamp?: number;
}

const noKey = Buffer.alloc(0);

/** Appends one record as an encoder would: tries, grows, tries again. */
export function append(out: Appender, partition: number, { key, value, headers, timestamp = 1000 }: TestRecord): void {
  if (value === null) {
    out.null(partition, timestamp, key ?? noKey, 0, key === null ? -1 : key.length, headers, 0, headers?.length);
    return;
  }
  let pos = out.begin(partition, timestamp, key ?? noKey, 0, key === null ? -1 : key.length);
  while (out.buffer.length - pos < value.length) pos = out.grow();
  value.copy(out.buffer, pos);
  if (headers === undefined) out.end(pos + value.length);
  else out.end(pos + value.length, headers, 0, headers.length);
}
