import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { seededRandom } from '@millrace/runtime/random.ts';
import { expect, test } from 'vitest';
import { onlyWholeAnswers, wholeAnswers } from './whole-answers.ts';

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
  const take = wholeAnswers((whole) => got.push(...lengths(whole)));
  for (let at = 0; at < bytes.length; ) {
    const to = at + 1 + random.below(random.below(2) === 0 ? 7 : 9_000);
    take(bytes.subarray(at, to));
    at = to;
  }
  expect(got).toEqual(sent);
});

test('what a connection had begun is nothing to the next', async () => {
  const [first, second] = [Buffer.concat([answer(10), answer(70_000).subarray(0, 50_000)]), answer(20)];
  const all = [first, second];
  const server = createServer((socket) => socket.end(all.shift() as Buffer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heard: number[] = [];
  // one listener for both, as kafkajs has
  const listener = (bytes: Buffer) => heard.push(...lengths(bytes));
  for (let n = 0; n < 2; n++) await once(onlyWholeAnswers(connect((server.address() as AddressInfo).port, '127.0.0.1')).on('data', listener), 'close');
  server.close();
  expect(heard).toEqual([10, 20]);
});
