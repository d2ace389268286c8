import { systemClock } from '@millrace/runtime/clock.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import { openKafkaLog } from '@millrace/transport/kafka/transport.ts';
import type { BatchView, Log } from '@millrace/transport/log.ts';
import { readToEnd } from '@millrace/transport/read-to-end.ts';
import type { ForeignRecord } from './foreign.ts';

/** What stands in topics, as our own readers see it: in a data directory, or on a broker. */

const wholes = (view: BatchView, at: number): { key: Buffer | null; value: Buffer | null } => {
  const span = (start: number, end: number): Buffer | null => (end < 0 ? null : Buffer.from(view.buffer.subarray(start, end)));
  return { key: span(view.keyStart[at] as number, view.keyEnd[at] as number), value: span(view.valueStart[at] as number, view.valueEnd[at] as number) };
};

function headersOf(view: BatchView, at: number): Record<string, Buffer> {
  const bytes = view.buffer.subarray(view.headersStart[at], Math.max(view.headersStart[at] as number, view.headersEnd[at] as number));
  const found: Record<string, Buffer> = {};
  let pos = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[pos++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  };
  const take = (length: number): Buffer => {
    const from = pos;
    pos += Math.max(0, length);
    return Buffer.from(bytes.subarray(from, pos));
  };
  for (let left = bytes.length === 0 ? 0 : varint(); left > 0; left--) {
    const name = take(varint()).toString();
    found[name] = take(varint());
  }
  return found;
}

async function readTopic(log: Log, topic: string): Promise<ForeignRecord[]> {
  const found: ForeignRecord[] = [];
  for (let partition = 0; partition < (log.topic(topic)?.partitions ?? 0); partition++) {
    const reader = log.reader(topic, partition, { offset: 0 });
    await readToEnd(log, topic, partition, reader, (view) => {
      for (let at = 0; at < view.count; at++)
        found.push({ partition, ...wholes(view, at), timestamp: String(view.timestamps[at]), headers: headersOf(view, at) });
    });
    reader.close();
  }
  return found;
}

async function readTopics(log: Log, topics: readonly string[]): Promise<Map<string, readonly ForeignRecord[]>> {
  const found = new Map<string, readonly ForeignRecord[]>();
  for (const topic of topics) found.set(topic, await readTopic(log, topic));
  return found;
}

export async function readEmbedded(dataDir: string, topics: readonly string[]): Promise<ReadonlyMap<string, readonly ForeignRecord[]>> {
  const transport = openEmbedded(dataDir);
  try {
    return await readTopics(transport.log, topics);
  } finally {
    await transport.close();
  }
}

export async function readKafka(
  brokers: readonly string[],
  client: 'fast' | 'kafkajs',
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly ForeignRecord[]>> {
  const settings = { brokers, client, tls: null, sasl: null };
  const opened = await openKafkaLog({ settings, clock: systemClock, create: false, replication: 1 });
  try {
    return await readTopics(opened.log, topics);
  } finally {
    await opened.close();
  }
}
