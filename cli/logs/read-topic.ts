import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { BatchView, Log, Position, Reader } from '@millrace/transport/log.ts';
import { SchemaReader } from '@millrace/transport/schemareader.ts';

/** bytes of values a poll takes, so that memory stays small however large the log */
const POLL_BYTES = 256 * 1024;
/** how long to wait for an append before looking whether to stop */
const WAIT_MS = 200;

export interface ReadTopicOptions {
  readonly log: Pick<Log, 'startOffset' | 'endOffset' | 'reader' | 'version' | 'wait'>;
  readonly topic: string;
  readonly partitions: readonly number[];
  /** offset to begin at; a partition that begins later begins there */
  readonly from: number;
  /** stop where each partition ends now; otherwise go on until `signal` */
  readonly untilEnd: boolean;
  readonly signal: AbortSignal;
  /** one record of a batch; false to stop */
  take(batch: BatchView, i: number): boolean;
  /** after each batch: write out what was taken */
  drain(): Promise<void>;
}

/** Reads partitions in turns, a batch each. */
export async function readTopic(options: ReadTopicOptions): Promise<void> {
  const { log, topic, signal } = options;
  const readers: Reader[] = [];
  const ends: Position[] = [];
  try {
    for (const partition of options.partitions) {
      const start = await log.startOffset(topic, partition);
      const end = await log.endOffset(topic, partition);
      const reader = log.reader(topic, partition, { offset: Math.max(start, options.untilEnd ? Math.min(options.from, end) : options.from) });
      if (options.untilEnd) reader.limit({ offset: end });
      readers.push(reader);
      ends.push({ offset: end });
    }
    while (!signal.aborted) {
      const since = log.version();
      let moved = false;
      for (const reader of readers) {
        const batch = signal.aborted ? null : reader.poll(POLL_BYTES);
        if (batch === null) continue;
        moved = true;
        const more = takeAll(batch, options.take);
        batch.release();
        await options.drain();
        if (!more) return;
      }
      if (moved) continue;
      if (options.untilEnd && readers.every((reader, i) => reader.reached(ends[i]))) return;
      await log.wait(WAIT_MS, since);
    }
  } finally {
    for (const reader of readers) reader.close();
  }
}

function takeAll(batch: BatchView, take: ReadTopicOptions['take']): boolean {
  for (let i = 0; i < batch.count; i++) if (!take(batch, i)) return false;
  return true;
}

/** A log whose batches come with the schemas they name. */
export function withSchemas(log: Log, registry: SchemaRegistry): ReadTopicOptions['log'] {
  return {
    startOffset: (topic, partition) => log.startOffset(topic, partition),
    endOffset: (topic, partition) => log.endOffset(topic, partition),
    reader: (...place) => new SchemaReader(log.reader(...place), registry),
    version: () => log.version(),
    // what a registry answers wakes nobody
    wait: (ms, since) => log.wait(Math.min(ms, 20), since),
  };
}
