import { MillraceError } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import type { Appender, Immediate, Transport } from '../log.ts';
import { FakeHosts } from './fake-hosts.case.ts';

const hosts = new FakeHosts();

async function open(): Promise<Transport & { immediate: Immediate }> {
  const transport = await hosts.open('h', { immediate: true });
  await transport.log.ensure('out', 2);
  return transport as Transport & { immediate: Immediate };
}

function fill(out: Appender, partition: number, text: string): Appender {
  const value = Buffer.from(text);
  const pos = out.begin(partition, 5, value, 0, -1);
  out.buffer.set(value, pos);
  out.end(pos + value.length);
  return out;
}

const text = (value: Uint8Array | null): string => String(Buffer.from(value ?? []));
function values({ log }: Transport, partition: number): string[] {
  const reader = log.reader('out', partition, { offset: 0 });
  const found: string[] = [];
  for (let view = reader.poll(1 << 20); view !== null; view = reader.poll(1 << 20))
    for (let i = 0; i < view.count; i++) found.push(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
  return found;
}

test('what is sent is to be read at once, with where it ends; its puts stand before it, and an appender is filled again meanwhile', async () => {
  const one = await open();
  await one.immediate.fence(['out']);
  const [before] = await one.log.ends('out');
  const out = one.log.appender('out');
  const sent = one.immediate.send({ appenders: [fill(out, 0, 'a')], puts: [['k', Buffer.from('1')]] });
  const more = one.immediate.send({ appenders: [fill(out, 0, 'b')], puts: [] });
  expect(await sent).toEqual([{ topic: 'out', partition: 0, end: (before as number) + 1 }]);
  expect(text(one.ledger.get('k'))).toBe('1');
  expect(await more).toEqual([{ topic: 'out', partition: 0, end: (before as number) + 2 }]);
  expect(values(one, 0)).toEqual(['a', 'b']);
});

test('records wait for the puts of their own send and of those before it that had records, not for puts alone', async () => {
  const one = await open();
  await one.immediate.fence(['out']);
  const out = one.log.appender('out');
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const ledger: string[] = [];
  hosts.brokers.beforeAppend = async (topic) => {
    if (topic !== 'p.ledger') return;
    ledger.push(topic);
    await held;
  };
  const note = one.immediate.send({ appenders: [], puts: [['n', Buffer.from('1')]] });
  await one.immediate.send({ appenders: [fill(out, 0, 'free')], puts: [] });
  expect([values(one, 0), one.ledger.get('n')]).toEqual([['free'], null]);
  const chosen = one.immediate.send({ appenders: [fill(out, 0, 'chosen')], puts: [['c', Buffer.from('1')]] });
  const behind = one.immediate.send({ appenders: [fill(out, 0, 'behind')], puts: [] });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect([values(one, 0), ledger.length]).toEqual([['free'], 1]);
  release();
  await Promise.all([note, chosen, behind]);
  expect([values(one, 0), text(one.ledger.get('n')), text(one.ledger.get('c')), ledger.length]).toEqual([['free', 'chosen', 'behind'], '1', '1', 2]);
});

test('puts that lead are waited for by what later calls send, also where they have no records themselves', async () => {
  const one = await open();
  await one.immediate.fence(['out']);
  const out = one.log.appender('out');
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  hosts.brokers.beforeAppend = (topic) => (topic === 'p.ledger' ? held : Promise.resolve());
  const choice = one.immediate.send({ appenders: [], puts: [['c', Buffer.from('1')]], leads: true });
  const behind = one.immediate.send({ appenders: [fill(out, 0, 'behind')], puts: [] });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(values(one, 0)).toEqual([]);
  release();
  await Promise.all([choice, behind]);
  expect(values(one, 0)).toEqual(['behind']);
});

test('what is sent behind something that failed does not leave', async () => {
  const one = await open();
  await one.immediate.fence(['out']);
  const out = one.log.appender('out');
  hosts.brokers.beforeAppend = async (topic) => {
    if (topic === 'p.ledger') throw new MillraceError('broker_unreachable', 'planted');
  };
  const chosen = one.immediate.send({ appenders: [fill(out, 0, 'chosen')], puts: [['c', Buffer.from('1')]] });
  const behind = one.immediate.send({ appenders: [fill(out, 0, 'behind')], puts: [] });
  for (const sent of [chosen, behind]) await expect(sent).rejects.toMatchObject({ code: 'broker_unreachable' });
  expect(values(one, 0)).toEqual([]);
});

test('nothing is sent before the fence', async () => {
  const one = await open();
  await expect(one.immediate.send({ appenders: [], puts: [] })).rejects.toThrow('nothing is fenced yet');
});

test('who fences finds all that was put, and whoever sent before sends no more, nor commits', async () => {
  const one = await open();
  await one.immediate.fence(['out']);
  await one.immediate.send({ appenders: [fill(one.log.appender('out'), 1, 'mine')], puts: [['k', Buffer.from('1')]] });
  const two = await open();
  // the first may still send until the fence stands
  await one.immediate.send({ appenders: [fill(one.log.appender('out'), 1, 'more')], puts: [['k', Buffer.from('2')]] });
  await two.immediate.fence(['out']);
  expect(text(two.ledger.get('k'))).toBe('2');
  expect(values(two, 1)).toEqual(['mine', 'more']);
  const late = one.immediate.send({ appenders: [fill(one.log.appender('out'), 1, 'late')], puts: [['k', Buffer.from('3')]] });
  await expect(late).rejects.toMatchObject({ code: 'fenced', message: 'Another process has taken over h.' });
  await expect(one.immediate.send({ appenders: [], puts: [] })).rejects.toMatchObject({ code: 'fenced' });
  await expect(one.commit({ appenders: [], puts: [] })).rejects.toMatchObject({ code: 'fenced' });
  expect(values(two, 1)).toEqual(['mine', 'more']);
  expect(text(two.ledger.get('k'))).toBe('2');
});

test('a fence that brokers may have forgotten is not relied on: an owner that stood still for that long sends nothing', async () => {
  const one = await open();
  expect(await one.immediate.fence(['out'])).toEqual({ id: 1, refused: 1 });
  const hour = 3600 * 1000;
  hosts.time += 17 * hour;
  await one.immediate.send({ appenders: [fill(one.log.appender('out'), 0, 'in time')], puts: [] });
  hosts.time += 2 * hour;
  const late = one.immediate.send({ appenders: [fill(one.log.appender('out'), 0, 'late')], puts: [['k', Buffer.from('1')]] });
  await expect(late).rejects.toMatchObject({ code: 'fenced' });
  expect(values(one, 0)).toEqual(['in time']);
  expect(one.ledger.get('k')).toBe(null);
  const two = await open();
  await two.immediate.fence(['out']);
  await two.immediate.send({ appenders: [fill(two.log.appender('out'), 0, 'anew')], puts: [] });
  expect(values(two, 0)).toEqual(['in time', 'anew']);
});
