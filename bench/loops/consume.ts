import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import type { Appender, BatchView } from '@millrace/transport/log.ts';
import { TOPIC } from '../records.ts';
import type { Encode } from './codec.ts';

const POLL_BYTES = 1 << 20;
const POSITION = 'loop.position';
const NO_KEY = new Uint8Array(0);

/** Appends one record whose value is encoded in place. */
export function append<T>(out: Appender, now: number, encode: Encode<T>, record: T, key: Uint8Array = NO_KEY, keyEnd = -1): void {
  let pos = out.begin(0, now, key, 0, keyEnd);
  let end = encode(record, out.buffer, pos);
  while (end < 0) {
    pos = out.grow();
    end = encode(record, out.buffer, pos);
  }
  out.end(end);
}

/**
 * Reads the topic from where the last run ended, and commits what `each` and `last` append together with the position, as the
 * engine does: a commit a poll, on the disk. `last` is called once all is read, when there was anything. Prints how long it took.
 */
export async function consume(
  dir: string,
  topics: readonly string[],
  each: (view: BatchView, now: number, outs: readonly Appender[]) => void,
  last: (now: number, outs: readonly Appender[]) => void = () => {},
): Promise<void> {
  const transport = openEmbedded(dir);
  for (const topic of topics) await transport.log.ensure(topic, 1);
  const outs = topics.map((topic) => transport.log.appender(topic));
  const saved = transport.ledger.get(POSITION);
  const from = saved === null ? 0 : Number(Buffer.from(saved).toString());
  const reader = transport.log.reader(TOPIC, 0, { offset: from });
  const commit = async (): Promise<void> => transport.commit({ appenders: outs, puts: [[POSITION, Buffer.from(String(reader.position.offset))]] });
  const begun = performance.now();
  for (let view = reader.poll(POLL_BYTES); view !== null; view = reader.poll(POLL_BYTES)) {
    each(view, Date.now(), outs);
    await commit();
  }
  if (reader.position.offset > from) {
    last(Date.now(), outs);
    await commit();
  }
  console.log(JSON.stringify({ elapsedMs: performance.now() - begun }));
  await transport.close();
}
