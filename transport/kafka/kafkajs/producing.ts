import { BatchCursor, Spans } from '../../spans.ts';
import type { PartitionBatches } from '../client.ts';
import { headersOf } from './headers.ts';
import type { Message } from './library.ts';

/** kafkajs copies the list of a partition's messages with every message: few at a time */
const MOST_MESSAGES = 200;
/** of one partition: a batch has to stay below Kafka's usual 1 MiB; of all partitions together */
const PARTITION_BYTES = 900 * 1024;
const REQUEST_BYTES = 16 * 1024 * 1024;

/** The records of one partition, message by message, each a view of its builder's bytes. */
function* messages({ partition, batches }: PartitionBatches): Generator<{ message: Message; size: number }> {
  const cursor = new BatchCursor();
  for (const batch of batches) {
    if (batch.count === 0) continue;
    const bytes = batch.finish(0);
    const view = new Spans('', partition, Math.min(batch.count, 512));
    for (cursor.open(bytes, 0, bytes.length); cursor.remaining > 0; ) {
      view.count = 0;
      cursor.read(view, Number.POSITIVE_INFINITY, 512);
      for (let n = 0; n < view.count; n++) {
        const key = view.keyEnd[n] < 0 ? null : bytes.subarray(view.keyStart[n], view.keyEnd[n]);
        const value = view.valueEnd[n] < 0 ? null : bytes.subarray(view.valueStart[n], view.valueEnd[n]);
        const message: Message = { partition, timestamp: String(view.timestamps[n]), key, value };
        const headers = headersOf(bytes, view.headersStart[n], view.headersEnd[n]);
        if (headers !== undefined) message.headers = headers;
        const headerBytes = headers === undefined ? 0 : view.headersEnd[n] - view.headersStart[n];
        yield { message, size: (key?.length ?? 0) + (value?.length ?? 0) + headerBytes + 32 };
      }
    }
  }
}

interface Source {
  readonly topic: string;
  readonly rest: Generator<{ message: Message; size: number }>;
  ahead: { message: Message; size: number } | undefined;
}

/** What one call of kafkajs sends. */
export type Send = { topic: string; messages: Message[] }[];

/**
 * What to send at a time, in order: of each partition what makes one batch, of all what makes one request. What is sent at a time is one call, or with `apart` one a
 * partition: kafkajs keeps account of a call by brokers, so that when leaders move in between, it leaves partitions out or sends them twice.
 */
export function* sends(records: readonly PartitionBatches[], apart: boolean): Generator<Send[]> {
  let sources: Source[] = records.map((of) => ({ topic: of.topic, rest: messages(of), ahead: undefined }));
  for (const source of sources) source.ahead = next(source);
  for (;;) {
    sources = sources.filter((source) => source.ahead !== undefined);
    if (sources.length === 0) return;
    const taken: { topic: string; messages: Message[] }[] = [];
    let total = 0;
    for (const source of sources) {
      if (total >= REQUEST_BYTES) break;
      const messages: Message[] = [];
      let size = 0;
      while (source.ahead !== undefined && messages.length < MOST_MESSAGES) {
        if (messages.length > 0 && size + source.ahead.size > PARTITION_BYTES) break;
        size += source.ahead.size;
        messages.push(source.ahead.message);
        source.ahead = next(source);
      }
      total += size;
      taken.push({ topic: source.topic, messages });
    }
    yield apart ? taken.map((one) => [one]) : [byTopic(taken)];
  }
}

function byTopic(taken: Send): Send {
  const topics = new Map<string, Message[]>();
  for (const { topic, messages } of taken) topics.set(topic, [...(topics.get(topic) ?? []), ...messages]);
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

function next(source: Source): Source['ahead'] {
  const { value, done } = source.rest.next();
  return done ? undefined : value;
}
