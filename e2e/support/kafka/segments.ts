import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** of a batch: its first offset (int64), its length behind these two (int32) */
const HEAD = 12;
/** and where it says what it is (int16), how many offsets its last is behind its first (int32), how many records it has (int32) */
const AT = { attributes: 21, lastDelta: 23, count: 57 };
const MARKER = 0x20;

/** Where each batch of a segment's file begins, and where the last one ends. */
function batchesOf(bytes: Buffer): number[] {
  const starts = [0];
  for (let at = 0; at + HEAD <= bytes.length; ) {
    const size = HEAD + bytes.readInt32BE(at + 8);
    if (size === HEAD || at + size > bytes.length) break;
    at += size;
    starts.push(at);
  }
  return starts;
}

function lastSegment(dir: string): string {
  const segments = readdirSync(dir).filter((name) => name.endsWith('.log'));
  return join(dir, segments.sort().at(-1) as string);
}

/** How many records, marks of transactions aside, stand at an offset and behind it, in the last segment. */
export function recordsFrom(data: string, topic: string, partition: number, offset: number): number {
  const bytes = readFileSync(lastSegment(join(data, `${topic}-${partition}`)));
  const batches = batchesOf(bytes).slice(0, -1);
  const behind = batches.filter((at) => Number(bytes.readBigInt64BE(at)) >= offset && (bytes.readInt16BE(at + AT.attributes) & MARKER) === 0);
  return behind.reduce((sum, at) => sum + bytes.readInt32BE(at + AT.count), 0);
}

/**
 * Cuts the last batches (records or marks of transactions) off a partition's log while its broker is down, as a disk that lost its last writes would.
 * Gives the offset at which the partition ends then.
 */
export function cutTail(data: string, topic: string, partition: number, batches: number): number {
  const dir = join(data, `${topic}-${partition}`);
  const file = lastSegment(dir);
  const bytes = readFileSync(file);
  const starts = batchesOf(bytes);
  const kept = starts.slice(0, Math.max(1, starts.length - batches));
  const last = kept.at(-2);
  truncateSync(file, kept.at(-1));
  // what is told from the log is told anew
  for (const name of readdirSync(dir)) if (/\.(index|timeindex|txnindex|snapshot)$/.test(name)) rmSync(join(dir, name));
  return last === undefined ? 0 : Number(bytes.readBigInt64BE(last)) + bytes.readInt32BE(last + AT.lastDelta) + 1;
}
