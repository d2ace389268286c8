import { systemClock } from '@millrace/runtime/clock.ts';
import { openKafkaLog } from '@millrace/transport/kafka/transport.ts';
import type { ForeignRecord } from './foreign.ts';
import { readKafka } from './logs.ts';

/** The first numbers of a record's own header: zigzag varints. */
function numbers(header: Buffer, count: number): number[] {
  const found: number[] = [];
  let pos = 0;
  while (found.length < count) {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = header[pos++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    found.push(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
  }
  return found;
}

/**
 * What of the raw logs of a pipeline is out of order: in each partition every writer's numbers go up by one, from the first that is still there, and a heartbeat bears the
 * number before it. Empty when each record stands there once.
 */
export async function disorder(brokers: readonly string[], tag: string): Promise<string[]> {
  const settings = { brokers, client: 'fast' as const, tls: null, sasl: null };
  const { log, close } = await openKafkaLog({ settings, clock: systemClock, create: false, replication: 1 });
  const topics = log.topics().flatMap(({ name }) => (name.startsWith(`${tag}.`) ? [name] : []));
  await close();
  return disorderOf(await readKafka(brokers, 'fast', topics));
}

/** The same of records that somebody has read. */
export function disorderOf(found: ReadonlyMap<string, readonly ForeignRecord[]>): string[] {
  const wrong: string[] = [];
  for (const [topic, records] of found) {
    const last = new Map<string, number>();
    for (const { partition, headers } of records) {
      const own = headers['m'];
      if (!(own instanceof Buffer)) continue;
      const [kind, writer, seq] = numbers(own, 3) as [number, number, number];
      const of = `${topic}/${partition}, writer ${writer}`;
      const before = last.get(of);
      if (before !== undefined && seq !== before + (kind > 0 ? 0 : 1)) wrong.push(`${of} goes on at ${kind > 0 ? 'heartbeat ' : ''}${seq} behind ${before}`);
      last.set(of, seq);
    }
  }
  return wrong;
}
