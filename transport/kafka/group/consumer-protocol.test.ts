import { expect, test } from 'vitest';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts';

/** bytes as the schemas ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json of Kafka lay them out, by hand */
const hex = (...parts: readonly string[]): string => parts.join('').replaceAll(' ', '');

const topics = new Map([
  ['ab', 3],
  ['c', 1],
]);

const SUBSCRIPTION = hex(
  '0001', // version
  '00000002 0002 6162 0001 63', // topics
  '0000001a 0001 00000007 00000002 00000000 00000001 00000001 00000002', // user data: 26 bytes: ours is 1, generation 7, slots 0 and 1, and 2 on its way out
  '00000002 0002 6162 00000003 00000000 00000001 00000002 0001 63 00000001 00000000', // owned partitions
);

const ASSIGNMENT = hex(
  '0000', // version
  '00000001 0002 6162 00000002 00000001 00000002', // partitions; c has no partition 1
  '0000001e 0001 00000005 00000002 00000003 00000001 00000002 00000004 00000000', // 30 bytes: of 5 slots, 2 members: 1, 2 and 4; none withdrawn
);

test('a subscription, byte for byte', () => {
  expect(encodeSubscription({ owned: [0, 1], closing: [2], generation: 7 }, topics).toString('hex')).toBe(SUBSCRIPTION);
  expect(decodeSubscription(Buffer.from(SUBSCRIPTION, 'hex'))).toEqual({ owned: [0, 1], closing: [2], generation: 7 });
});

test('an assignment, byte for byte; a slot without partitions is a slot', () => {
  const given = { assigned: [1, 2, 4], withdrawn: [], slots: 5, members: 2 };
  expect(encodeAssignment(given, topics).toString('hex')).toBe(ASSIGNMENT);
  expect(decodeAssignment(Buffer.from(ASSIGNMENT, 'hex'))).toEqual(given);
});

test('nothing owned before the first generation; slots to give up', () => {
  expect(decodeSubscription(encodeSubscription({ owned: [], closing: [], generation: -1 }, topics))).toEqual({ owned: [], closing: [], generation: -1 });
  const given = { assigned: [], withdrawn: [3, 4], slots: 5, members: 9 };
  expect(decodeAssignment(encodeAssignment(given, topics))).toEqual(given);
});

test('what is cut short is an error, not a guess', () => {
  for (const bytes of [SUBSCRIPTION, ASSIGNMENT].map((text) => Buffer.from(text, 'hex'))) {
    expect(() => decodeSubscription(bytes.subarray(0, 20))).toThrow(RangeError);
    expect(() => decodeAssignment(bytes.subarray(0, 20))).toThrow(RangeError);
  }
});
