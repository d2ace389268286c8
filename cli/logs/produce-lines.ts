import { partitionOf } from '@millrace/shared-schemas/murmur2.ts';
import { FlawError } from '@millrace/shared-schemas/types.ts';
import type { Log } from '@millrace/transport/log.ts';
import type { LineEncoder } from './line-encoder.ts';
import { linesOf } from './lines.ts';

/** bytes to gather before an append becomes durable */
const FLUSH_BYTES = 1 << 20;
const NO_KEY = Buffer.alloc(0);

export interface ProduceOptions {
  readonly log: Log;
  readonly topic: string;
  readonly input: AsyncIterable<Uint8Array>;
  readonly encode: LineEncoder;
  /** epoch ms */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What was written, and the line that ended it early. */
export interface Produced {
  readonly records: number;
  readonly refused: { readonly line: number; readonly code: string; readonly message: string } | null;
}

/**
 * Appends a record a line, by murmur2 of the key as Kafka's clients do; records without a key go to the partitions in turn.
 * Everything before a line that is refused is durable on return. What has come is flushed when the input pauses.
 */
export async function produceLines(options: ProduceOptions): Promise<Produced> {
  const appender = options.log.appender(options.topic);
  let records = 0;
  let turn = 0;
  const append = (key: Buffer | null, value: Buffer): void => {
    const partition = key === null ? turn++ % appender.partitions : partitionOf(key, 0, key.length, appender.partitions);
    let pos = appender.begin(partition, options.now(), key ?? NO_KEY, 0, key === null ? -1 : key.length);
    while (appender.buffer.length - pos < value.length) pos = appender.grow();
    value.copy(appender.buffer, pos);
    appender.end(pos + value.length);
    records++;
  };
  for await (const lines of untilAborted(linesOf(options.input), options.signal)) {
    for (const { number, bytes } of lines) {
      try {
        const record = options.encode(bytes);
        if (record !== null) append(record.key, record.value);
      } catch (error) {
        if (!(error instanceof FlawError)) throw error;
        await appender.flush();
        return { records, refused: { line: number, code: error.code, message: error.message } };
      }
      if (appender.pendingBytes >= FLUSH_BYTES) await appender.flush();
    }
    if (appender.pendingRecords > 0) await appender.flush();
  }
  return { records, refused: null };
}

/** Ends where an aborted stream would throw. */
async function* untilAborted<T>(input: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    for await (const item of input) yield item;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
