import type { KafkaSettings } from '../client.ts';
import { Decoder, Encoder } from './bytes.ts';
import { provePassword } from './library.ts';

const HANDSHAKE = 17;
const AUTHENTICATE = 36;

type Send = (key: number, version: number, body: readonly Buffer[]) => Promise<Buffer>;

/** SaslHandshake 1: which mechanism. Its strings have two bytes of length. */
async function handshake(send: Send, mechanism: string): Promise<void> {
  const name = Buffer.from(mechanism);
  const body = Buffer.alloc(2 + name.length);
  body.writeInt16BE(name.length, 0);
  name.copy(body, 2);
  const answer = new Decoder(await send(HANDSHAKE, 1, [body]));
  if (answer.int16() === 0) return;
  const offered: string[] = [];
  for (let left = answer.int32(); left > 0; left--) {
    const length = answer.int16();
    offered.push(answer.buffer.toString('utf8', answer.pos, answer.pos + length));
    answer.pos += length;
  }
  throw new Error(`Cannot find a suitable SASL mechanism: ${mechanism} is not among the broker's (${offered.join(', ')}).`);
}

/** SaslAuthenticate 2 */
async function exchange(send: Send, bytes: Buffer): Promise<{ bytes: Buffer; lifetime: number }> {
  const answer = new Decoder(await send(AUTHENTICATE, 2, new Encoder().bytes(bytes).tags().finish()));
  const error = answer.int16();
  const said = answer.string();
  if (error !== 0) throw new Error(said ?? `error ${error}`);
  const length = answer.bytes();
  return { bytes: answer.buffer.subarray(answer.pos - length, answer.pos), lifetime: answer.int64() };
}

/** Logs in over a connection. Gives how long that lasts, ms; 0: as long as the connection. @throws what the broker says against it */
export async function authenticate(send: Send, sasl: NonNullable<KafkaSettings['sasl']>): Promise<number> {
  await handshake(send, sasl.mechanism.toUpperCase());
  let lifetime = 0;
  try {
    await provePassword(sasl, async (bytes) => {
      const answer = await exchange(send, bytes);
      lifetime = answer.lifetime;
      return answer.bytes;
    });
  } catch (error) {
    throw new Error('SASL authentication failed.', { cause: error });
  }
  return lifetime;
}
