import { afterEach, expect, test } from 'vitest';
import { values } from '../client-grounds.case.ts';
import { Transient } from './codes.ts';
import { Outbox } from './outbox.ts';

const identity = { id: 9, epoch: 1, transactional: true };
const failure = new Transient('gone', true);
const ticket = { ended() {} };
const reach = () => ({ topic: 't', partition: 0, end: -1 });
const boxes: Outbox[] = [];

function filled(batches: number): Outbox {
  const outbox = new Outbox('t', 0, 10_000, () => {});
  boxes.push(outbox);
  for (let at = 0; at < batches; at++) outbox.add(values(`${at}`, `${at}'`), ticket, reach());
  return outbox;
}
const sequence = (bytes: Buffer) => bytes.readInt32BE(53);
const takeAll = (outbox: Outbox) => {
  const taken = [];
  while (outbox.sendable) taken.push(outbox.take(identity));
  return taken;
};

afterEach(() => {
  for (const outbox of boxes.splice(0)) outbox.abandon();
});

test("a writer's first batch goes alone, then five at a time, numbered by their records", () => {
  const outbox = filled(8);
  const [first, ...none] = takeAll(outbox);
  expect(none).toEqual([]);
  outbox.acknowledged(first as NonNullable<typeof first>, -1);
  const next = takeAll(outbox);
  expect(next.map(({ bytes }) => sequence(bytes))).toEqual([2, 4, 6, 8, 10]);
  expect(next.map(({ bytes }) => [bytes.readBigInt64BE(43), bytes.readInt16BE(51), bytes.readInt16BE(21)])).toEqual(Array(5).fill([9n, 1, 0x10]));
});

test('after a failure nothing leaves before all are back, and the same bytes leave again in order', () => {
  const outbox = filled(7);
  outbox.acknowledged(outbox.take(identity), -1);
  const [a, b, c, d, e] = takeAll(outbox) as [ReturnType<Outbox['take']>, ReturnType<Outbox['take']>, ...ReturnType<Outbox['take']>[]];
  const bytes = [a, b, c, d, e].map((batch) => Buffer.from(batch?.bytes as Buffer));
  expect(outbox.cameBack(b, failure)).toBe(false);
  expect(outbox.sendable).toBe(false);
  expect([outbox.isBehindFailed(c as typeof a), outbox.isBehindFailed(a)]).toEqual([true, false]);
  outbox.acknowledged(a, -1);
  for (const batch of [d, c]) expect(outbox.cameBack(batch as typeof a, failure)).toBe(false);
  expect(outbox.cameBack(e as typeof a, failure)).toBe(true);
  const again = outbox.take(identity);
  expect(again).toBe(b);
  expect(outbox.sendable).toBe(false);
  outbox.acknowledged(again, -1);
  expect(takeAll(outbox).map(({ bytes: sent }) => sequence(sent))).toEqual([6, 8, 10, 12]);
  expect([b, c, d, e].map((batch) => batch?.bytes)).toEqual(bytes.slice(1));
});

test('what is given up takes its numbers with it; what never left can be withdrawn', () => {
  const outbox = filled(3);
  const first = outbox.take(identity);
  expect(outbox.withdraw()).toHaveLength(2);
  expect([outbox.awaits(first), outbox.empty]).toEqual([true, false]);
  expect(outbox.abandon()).toHaveLength(1);
  expect([outbox.awaits(first), outbox.empty]).toEqual([false, true]);
  outbox.add(values('next'), ticket, reach());
  expect(sequence(outbox.take({ ...identity, id: 10 }).bytes)).toBe(0);
});

test('patience begins with the first failure of a row and ends what waits', async () => {
  const ended = new Promise<Error>((resolve) => {
    const outbox = new Outbox('t', 0, 30, resolve);
    boxes.push(outbox);
    outbox.add(values('x'), ticket, reach());
    expect(outbox.cameBack(outbox.take(identity), failure)).toBe(true);
  });
  expect(await ended).toMatchObject({ code: 'broker_unreachable' });
});
