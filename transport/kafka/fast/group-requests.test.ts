import { expect, test } from 'vitest';
import { Decoder } from './bytes.ts';
import { commitOffsets, findGroup, heartbeat, joinGroup, leaveGroup, type Member, syncGroup } from './group-requests.ts';

/** bytes as the message schemas of Kafka lay them out (flexible versions: lengths plus one in a byte, 00 for null and for no tagged fields), by hand */
const hex = (...parts: readonly string[]): string => parts.join('').replaceAll(' ', '');
const sent = ({ body }: { body: readonly Buffer[] }): string => Buffer.concat(body).toString('hex');
const answer = (...parts: readonly string[]): Decoder => new Decoder(Buffer.from(hex(...parts), 'hex'));

const protocol = { type: 'consumer', name: 's' };
const CONSUMER = '09 636f6e73756d6572';
const named: Member = { group: 'g', generation: 3, id: 'm1', instance: 'i' };
const unnamed: Member = { ...named, id: '', instance: null };

test('FindCoordinator 3 of a group', () => {
  const request = findGroup('g');
  expect([request.key, request.version, sent(request)]).toEqual([10, 3, hex('02 67', '00', '00')]);
  expect(request.parse(answer('00000000', '0000', '00', '00000001', '02 68', '00002384', '00'))).toEqual({
    error: 0,
    said: null,
    node: 1,
    host: 'h',
    port: 9092,
  });
});

test('JoinGroup 7', () => {
  const request = joinGroup(unnamed, protocol, Buffer.from('xy'), 10_000, 12_000);
  expect([request.key, request.version]).toEqual([11, 7]);
  expect(sent(request)).toBe(hex('02 67', '00002710', '00002ee0', '01', '00', CONSUMER, '02', '02 73', '03 7879', '00', '00'));
  expect(sent(joinGroup(named, protocol, Buffer.from('xy'), 10_000, 12_000))).toBe(
    hex('02 67', '00002710', '00002ee0', '03 6d31', '02 69', CONSUMER, '02', '02 73', '03 7879', '00', '00'),
  );
  const members = ['03', '03 6d31 02 69 03 7879 00', '03 6d32 00 01 00'];
  const joined = request.parse(answer('00000000', '0000', '00000004', CONSUMER, '02 73', '03 6d31', '03 6d31', ...members, '00'));
  expect(joined).toMatchObject({ error: 0, generation: 4, leader: 'm1', id: 'm1' });
  expect(joined.members.map(({ id, metadata }) => [id, metadata.toString()])).toEqual([
    ['m1', 'xy'],
    ['m2', ''],
  ]);
  // the id that a first try is refused with
  const refused = request.parse(answer('00000000', '004f', 'ffffffff', '00', '00', '01', '03 6d39', '01', '00'));
  expect(refused).toEqual({ error: 79, generation: -1, leader: '', id: 'm9', members: [] });
});

test('SyncGroup 5', () => {
  const request = syncGroup(named, protocol, new Map([['m1', Buffer.from('z')]]));
  expect([request.key, request.version]).toEqual([14, 5]);
  expect(sent(request)).toBe(hex('02 67', '00000003', '03 6d31', '02 69', CONSUMER, '02 73', '02', '03 6d31 02 7a 00', '00'));
  const synced = request.parse(answer('00000000', '0000', CONSUMER, '02 73', '03 7879', '00'));
  expect([synced.error, synced.assignment.toString()]).toEqual([0, 'xy']);
  expect(request.parse(answer('00000000', '001b', '00', '00', '01', '00')).error).toBe(27);
});

test('Heartbeat 4 and LeaveGroup 4', () => {
  const beat = heartbeat(named);
  expect([beat.key, beat.version, sent(beat)]).toEqual([12, 4, hex('02 67', '00000003', '03 6d31', '02 69', '00')]);
  expect(beat.parse(answer('00000000', '0019', '00'))).toBe(25);
  const leave = leaveGroup(named);
  expect([leave.key, leave.version, sent(leave)]).toEqual([13, 4, hex('02 67', '02', '03 6d31 02 69 00', '00')]);
  expect(leave.parse(answer('00000000', '0000', '02', '03 6d31 02 69 0000 00', '00'))).toBe(0);
  expect(leave.parse(answer('00000000', '0000', '02', '03 6d31 02 69 0019 00', '00'))).toBe(25);
  expect(leave.parse(answer('00000000', '0010', '01', '00'))).toBe(16);
});

test('OffsetCommit 8', () => {
  const request = commitOffsets(
    named,
    new Map([
      [
        't',
        new Map([
          [1, 5],
          [2, 2 ** 32],
        ]),
      ],
    ]),
  );
  expect([request.key, request.version]).toEqual([8, 8]);
  const partitions = ['03', '00000001 0000000000000005 ffffffff 00 00', '00000002 0000000100000000 ffffffff 00 00'];
  expect(sent(request)).toBe(hex('02 67', '00000003', '03 6d31', '02 69', '02', '02 74', ...partitions, '00', '00'));
  expect(request.parse(answer('00000000', '02', '02 74', '03', '00000001 0000 00', '00000002 0000 00', '00', '00'))).toBe(0);
  expect(request.parse(answer('00000000', '02', '02 74', '03', '00000001 0000 00', '00000002 0016 00', '00', '00'))).toBe(22);
});
