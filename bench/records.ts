import { rmSync } from 'node:fs';
import { seededRandom } from '@millrace/runtime/random.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';

/** the topic that is read */
export const TOPIC = 'payments';
/** event time of record 0, epoch ms, and ms between two records, in pre-filled topics */
const BEGIN = 1_767_607_200_000;
const STEP = 2;
const PER_FLUSH = 4_000;

/**
 * Payment `i` as compact JSON of ten fields, of about 208 bytes with a `pad` of 32: a pure function of i and its event time. Amounts are
 * whole quarters, so that sums of them are exact in whatever order: a running sum and the engine's exact one agree to the last bit.
 */
export function payment(i: number, eventTime: number, pad = 32): string {
  const random = seededRandom(7, i);
  const u = random.uniform();
  const amount = u < 0.05 ? 0 : Math.round(u * 3600) / 4;
  const currency = random.uniform() < 0.5 ? 'USD' : 'EUR';
  const card = 1000 + Math.floor(random.uniform() * 5000);
  const merchant = 1 + Math.floor(random.uniform() * 200);
  return (
    `{"tx_id":"t${i}","card_id":"card-${card}","merchant_id":"m${merchant}","amount":${amount},"currency":"${currency}","country":"DE",` +
    `"channel":${i % 5},"device":"dev-${card % 977}","event_time":${eventTime},"pad":"${'x'.repeat(pad)}"}`
  );
}

/** Makes a data directory whose one-partition topic holds `count` payments. Gives the mean size of a value, bytes. */
export async function fill(dir: string, count: number): Promise<number> {
  rmSync(dir, { recursive: true, force: true });
  const transport = openEmbedded(dir, { sync: false });
  await transport.log.ensure(TOPIC, 1);
  const out = transport.log.appender(TOPIC);
  const none = new Uint8Array(0);
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const text = payment(i, BEGIN + i * STEP);
    let pos = out.begin(0, BEGIN + i * STEP, none, 0, -1);
    while (out.buffer.length - pos < text.length) pos = out.grow();
    bytes += text.length;
    out.end(pos + out.buffer.latin1Write(text, pos));
    if (i % PER_FLUSH === PER_FLUSH - 1) await out.flush();
  }
  await out.flush();
  await transport.close();
  return bytes / count;
}
