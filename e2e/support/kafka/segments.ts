import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** of a batch: its first offset (int64), its length behind these two (int32) */
const HEAD = 12;

/** Where each batch of a segment's file begins, and where the last one ends. */
function batchesOf(file: string): number[] {
  const bytes = readFileSync(file);
  const starts = [0];
  for (let at = 0; at + HEAD <= bytes.length; ) {
    const size = HEAD + bytes.readInt32BE(at + 8);
    if (size === HEAD || at + size > bytes.length) break;
    at += size;
    starts.push(at);
  }
  return starts;
}

/**
 * Cuts the last batches (records or marks of transactions) off a partition's log while its broker is down, as a disk that lost its last writes would.
 * Gives the bytes cut.
 */
export function cutTail(data: string, topic: string, partition: number, batches: number): number {
  const dir = join(data, `${topic}-${partition}`);
  const segment = readdirSync(dir)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1) as string;
  const file = join(dir, segment);
  const starts = batchesOf(file);
  const end = starts.at(-1) as number;
  const keep = starts[Math.max(0, starts.length - 1 - batches)] as number;
  truncateSync(file, keep);
  // what is told from the log is told anew
  for (const name of readdirSync(dir)) if (/\.(index|timeindex|txnindex|snapshot)$/.test(name)) rmSync(join(dir, name));
  return end - keep;
}
