import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { seededRandom } from '@millrace/runtime/random.ts';
// @ts-expect-error it has no types of what is inside of it
import ConnectionOfKafkajs from 'kafkajs/src/network/connection.js';
import { expect, test } from 'vitest';
import { onlyWholeAnswers, wholeAnswers } from './whole-answers.ts';

interface Inside {
  readonly requestQueue: { fulfillRequest: (answer: { correlationId: number; size: number }) => void };
  connect(): Promise<void>;
}
const Connection = ConnectionOfKafkajs as new (options: object) => Inside;

function answer(length: number): Buffer {
  const bytes = Buffer.alloc(4 + length, length & 0xff);
  bytes.writeInt32BE(length, 0);
  return bytes;
}

/** the answers in bytes, or what is wrong with them */
function lengths(bytes: Buffer): number[] {
  const found: number[] = [];
  let at = 0;
  for (; at < bytes.length; at += 4 + (found.at(-1) as number)) found.push(bytes.readInt32BE(at));
  expect(at).toBe(bytes.length);
  return found;
}

test.each([1, 2, 3, 4])('however they are cut, whole answers come, each once and in order (seed %i)', (seed) => {
  const random = seededRandom(seed, 3);
  const sent = Array.from({ length: 300 }, () => (random.below(5) === 0 ? random.below(3) : random.below(4_000)));
  const bytes = Buffer.concat(sent.map(answer));
  const got: number[] = [];
  const take = wholeAnswers(
    (whole) => got.push(...lengths(whole)),
    (error) => expect.fail(error.message),
  );
  for (let at = 0; at < bytes.length; ) {
    const to = at + 1 + random.below(random.below(2) === 0 ? 7 : 9_000);
    take(bytes.subarray(at, to));
    at = to;
  }
  expect(got).toEqual(sent);
});

test('a length that none has', () => {
  const wrong: Error[] = [];
  wholeAnswers(
    () => expect.fail('nothing is whole'),
    (error) => wrong.push(error),
  )(Buffer.alloc(9, 0xff));
  expect(wrong).toMatchObject([{ message: 'an answer of -1 bytes' }]);
});

/** What kafkajs takes for answers on one of its connections, which is cut in the second answer and made anew. */
async function answered(prepare: (socket: Socket) => Socket): Promise<[correlation: number, bytes: number][]> {
  const all = [Buffer.concat([answer(10), answer(70_000).subarray(0, 50_000)]), Buffer.concat([answer(20), answer(30)])];
  const server = createServer((socket) => socket.end(all.shift() as Buffer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let socket: Socket | undefined;
  const socketFactory = ({ onConnect }: { onConnect: () => void }) => {
    socket = connect({ host: '127.0.0.1', port }, onConnect);
    return prepare(socket);
  };
  const mute: object = { namespace: () => mute, debug: () => {}, error: () => {}, info: () => {}, warn: () => {} };
  const connection = new Connection({ host: '127.0.0.1', port, logger: mute, socketFactory, requestTimeout: 1000, connectionTimeout: 1000 });
  const got: [number, number][] = [];
  connection.requestQueue.fulfillRequest = ({ correlationId, size }) => got.push([correlationId, size]);
  for (let n = 0; n < 2; n++) {
    await connection.connect();
    await once(socket as Socket, 'close');
  }
  server.close();
  return got;
}

test('what a connection of kafkajs had begun is nothing to its next', async () => {
  const right = [10, 20, 30].map((length) => [answer(length).readInt32BE(4), length]);
  expect(await answered(onlyWholeAnswers)).toEqual(right);
  // if this is right one day, kafkajs needs no help any more
  expect(await answered((socket) => socket)).not.toEqual(right);
});
