import type { BatchView } from '../../log.ts';
import { Spans } from '../../spans.ts';
import { blockSize, writeBlock } from './headers.ts';
import type { IHeaders } from './library.ts';

/** One partition's part of a fetch answer, as kafkajs gives it. */
export interface FetchedPartition {
  readonly partition: number;
  readonly lastStableOffset: string;
  /** absent from brokers before 1.0 */
  readonly lastStartOffset?: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: readonly FetchedMessage[];
}

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders;
  readonly isControlRecord?: boolean;
  /** the batch it came in; one object for all its records. Absent from the formats before Kafka 0.11 */
  readonly batchContext?: { readonly firstOffset: string; readonly lastOffsetDelta: number; readonly producerId: string; readonly inTransaction: boolean };
}

/** What one answer gave of a partition, without what no reader may see. */
export interface Chunk {
  readonly records: Spans;
  /** offset that was asked for */
  readonly from: number;
  /** where to go on */
  readonly next: number;
  /** records handed out already */
  taken: number;
}

/** Takes the records at or behind `from`, without those of aborted transactions, into one buffer. */
export function chunkOf(topic: string, from: number, fetched: FetchedPartition): Chunk {
  const kept: FetchedMessage[] = [];
  let size = 0;
  const next = visible(fetched, from, (message) => {
    kept.push(message);
    size += (message.key?.length ?? 0) + (message.value?.length ?? 0) + blockSize(message.headers);
  });
  const records = new Spans(topic, fetched.partition, kept.length);
  const buffer = Buffer.allocUnsafeSlow(size);
  let pos = 0;
  for (const [n, { offset, timestamp, key, value, headers }] of kept.entries()) {
    records.offsets[n] = Number(offset);
    records.timestamps[n] = Number(timestamp);
    records.keyStart[n] = pos;
    if (key !== null) pos += key.copy(buffer, pos);
    records.keyEnd[n] = key === null ? -1 : pos;
    records.valueStart[n] = pos;
    if (value !== null) pos += value.copy(buffer, pos);
    records.valueEnd[n] = value === null ? -1 : pos;
    records.headersStart[n] = pos;
    const end = writeBlock(headers, buffer, pos);
    records.headersEnd[n] = end === pos ? -1 : end;
    pos = end;
  }
  records.buffer = buffer;
  records.count = kept.length;
  return { records, from, next, taken: 0 };
}

const ABORT = 0;

/** Calls `take` with each record that may be seen, and gives the offset behind the last one fetched, seen or not. */
function visible(fetched: FetchedPartition, from: number, take: (message: FetchedMessage) => void): number {
  const aborted = (fetched.abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({ producerId, first: Number(firstOffset) }));
  aborted.sort((a, b) => a.first - b.first);
  const open = new Set<string>();
  let batch: FetchedMessage['batchContext'];
  let hidden = false;
  let next = from;
  for (const message of fetched.messages) {
    const offset = Number(message.offset);
    const context = message.batchContext;
    if (context !== undefined && context !== batch) {
      batch = context;
      const last = Number(context.firstOffset) + context.lastOffsetDelta;
      while (aborted.length > 0 && aborted[0].first <= last) open.add((aborted.shift() as { producerId: string }).producerId);
      hidden = context.inTransaction && open.has(context.producerId);
      next = Math.max(next, last + 1);
    } else if (context === undefined) next = Math.max(next, offset + 1);
    if (message.isControlRecord === true) {
      // a marker's key: version i16 · type i16
      if (context !== undefined && message.key?.readInt16BE(2) === ABORT) open.delete(context.producerId);
    } else if (!hidden && offset >= from) take(message);
  }
  return next;
}

/** The next records of a chunk, up to about `maxBytes` of it (at least one, at most `maxRecords`). */
export function takeFrom(chunk: Chunk, maxBytes: number, maxRecords: number): BatchView {
  const { records, taken } = chunk;
  const last = Math.min(records.count, taken + maxRecords);
  const limit = records.keyStart[taken] + maxBytes;
  let end = taken + 1;
  while (end < last && records.keyStart[end] < limit) end++;
  chunk.taken = end;
  if (taken === 0 && end === records.count) return records;
  const { topic, partition, buffer } = records;
  return {
    topic,
    partition,
    buffer,
    count: end - taken,
    offsets: records.offsets.subarray(taken, end),
    timestamps: records.timestamps.subarray(taken, end),
    keyStart: records.keyStart.subarray(taken, end),
    keyEnd: records.keyEnd.subarray(taken, end),
    valueStart: records.valueStart.subarray(taken, end),
    valueEnd: records.valueEnd.subarray(taken, end),
    headersStart: records.headersStart.subarray(taken, end),
    headersEnd: records.headersEnd.subarray(taken, end),
    release() {},
  };
}
