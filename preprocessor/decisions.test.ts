import { type ModelDecision, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { beforeEach, expect, test } from 'vitest';
import { Decisions } from './decisions.ts';

const topic = modelsTopic('shop');
let transport: MemoryTransport;
/** where a model comes by another way than the decision on it */
let broker: Transport;
beforeEach(async () => {
  transport = openMemory();
  broker = { ...transport, kind: 'kafka' };
  await transport.log.ensure(topic, 1);
});

function write(text: string): void {
  const out = transport.log.appender(topic);
  const pos = out.begin(0, 0, Buffer.alloc(0), 0, -1);
  out.end(pos + out.buffer.write(text, pos));
  transport.commit({ appenders: [out], puts: [] });
}

const decide = (boundary: number | null, promoted: string | null): void =>
  write(JSON.stringify({ model: 'm', boundary, trained: promoted, promoted, reason: '' } satisfies ModelDecision));
const store = (hash: string): void => transport.commit({ appenders: [], puts: [[modelKey('shop', hash), Buffer.from('{}')]] });

test('tells what was promoted up to a boundary, and skips what is no decision', async () => {
  decide(10, 'a');
  write('broken');
  decide(20, null);
  const decisions = new Decisions(transport, 'shop');
  await decisions.catchUp();
  decisions.look(0);
  expect([decisions.count, decisions.decided('m'), decisions.promoted('m', 15), decisions.promoted('m', 5)]).toEqual([2, 20, 'a', null]);
  decide(null, 'b');
  expect(decisions.promoted('m', 5)).toBeNull();
  decisions.look(0);
  expect([decisions.promoted('m', 5), decisions.count]).toEqual(['b', 3]);
  expect([decisions.decided('other'), decisions.promoted('other', 5)]).toEqual([Number.NEGATIVE_INFINITY, null]);
});

test('a decision that comes before its model waits for it, and those behind it too', () => {
  const decisions = new Decisions(broker, 'shop');
  decide(10, 'a');
  decide(20, null);
  decisions.look(1000);
  decisions.look(9000);
  expect([decisions.count, decisions.decided('m')]).toEqual([0, Number.NEGATIVE_INFINITY]);
  store('a');
  decisions.look(9001);
  expect([decisions.count, decisions.decided('m'), decisions.promoted('m', 20)]).toEqual([2, 20, 'a']);
});

test('a model that does not come is told by whoever needs it, each after its own wait', () => {
  const decisions = new Decisions(broker, 'shop');
  decide(10, 'a');
  decide(20, 'b');
  decisions.look(1000);
  decisions.look(11_000);
  expect([decisions.count, decisions.promoted('m', 20)]).toEqual([1, 'a']);
  decisions.look(20_999);
  expect(decisions.count).toBe(1);
  decisions.look(21_000);
  expect([decisions.count, decisions.promoted('m', 20)]).toEqual([2, 'b']);
});

test('a topic that is not there yet is no decision', async () => {
  const decisions = new Decisions(openMemory(), 'shop');
  await decisions.catchUp();
  decisions.look(0);
  expect(decisions.count).toBe(0);
});
