import { seededRandom } from '@millrace/runtime/random.ts';
import { expect, test } from 'vitest';
import { Answers } from './answers.ts';

function framed(correlation: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 4, 0);
  head.writeInt32BE(correlation, 4);
  return Buffer.concat([head, body]);
}

/** Feeds the bytes as a socket does: never more than there is room for. */
function feed(answers: Answers, bytes: Buffer, most: () => number): void {
  for (let at = 0; at < bytes.length; ) {
    const { room } = answers;
    expect(room.length).toBeGreaterThan(0);
    const count = bytes.copy(room, 0, at, Math.min(bytes.length, at + Math.max(1, most())));
    answers.arrived(count);
    at += count;
  }
}

test.each([1, 2, 3])('answers of all sizes, however the bytes are cut (seed %i)', (seed) => {
  const { uniform: chance } = seededRandom(seed, 5);
  const sent = Array.from({ length: 200 }, (_, index) => {
    const body = Buffer.allocUnsafe(index % 9 === 0 ? 0 : Math.floor(chance() ** 4 * 100_000));
    for (let at = 0; at < body.length; at++) body[at] = (at * 31 + index) & 0xff;
    return body;
  });
  const got: Buffer[] = [];
  const asked: number[] = [];
  const answers = new Answers(
    (correlation, bytes) => {
      asked.push(correlation);
      return Buffer.alloc(bytes);
    },
    (correlation, body) => {
      expect(correlation).toBe(got.length);
      got.push(body);
    },
  );
  feed(answers, Buffer.concat(sent.map((body, index) => framed(index, body))), () => Math.floor(chance() ** 3 * 40_000));
  expect(asked).toEqual(sent.map((_, index) => index));
  expect(got.map((body) => body.toString('latin1'))).toEqual(sent.map((body) => body.toString('latin1')));
});

test('what is read into a large body stays within it', () => {
  const memory = Buffer.alloc(100_000, 7);
  const whole: number[] = [];
  const answers = new Answers(
    (_correlation, bytes) => memory.subarray(0, bytes),
    (correlation) => whole.push(correlation),
  );
  const bytes = Buffer.concat([framed(0, Buffer.alloc(90_000, 1)), framed(1, Buffer.alloc(10, 2))]);
  const first = 50_000;
  feed(answers, bytes.subarray(0, first), () => 16_384);
  expect(answers.room.length).toBe(90_000 + 8 - first);
  feed(answers, bytes.subarray(first), () => 1_000_000);
  expect(whole).toEqual([0, 1]);
  expect(memory[90_000]).toBe(7);
});

test('a length that none has, and an answer that nobody waits for', () => {
  const none = new Answers(
    () => {
      throw new Error('nobody');
    },
    () => {},
  );
  const negative = Buffer.alloc(8);
  negative.writeInt32BE(3, 0);
  expect(() => feed(none, negative, () => 100)).toThrow(RangeError);
  expect(() => feed(none, framed(4, Buffer.alloc(2)), () => 100)).toThrow('nobody');
});
