import { expect, test } from 'vitest';
import { append } from './append.case.ts';
import { exactLogCases } from './exact-log.case.ts';
import { logCases, readAll } from './log.case.ts';
import { openMemory } from './memory.ts';

const make = () => {
  const transport = openMemory();
  return { open: () => transport, remove: () => {} };
};
logCases('memory', make);
exactLogCases('memory', make);

test('a test can make a commit fail before or behind its point of no return', async () => {
  const transport = openMemory();
  await transport.log.ensure('t', 1);
  const out = transport.log.appender('t');
  const fail = () => {
    throw new Error('planted');
  };
  const commit = { appenders: [out], puts: [['x', Buffer.from('1')]] as const };
  append(out, 0, { key: null, value: Buffer.from('v') });
  transport.beforeCommit = fail;
  expect(() => transport.commit(commit)).toThrow('planted');
  expect([await transport.log.endOffset('t', 0), transport.ledger.get('x')]).toEqual([0, null]);
  transport.beforeCommit = null;
  transport.afterCommit = fail;
  expect(() => transport.commit(commit)).toThrow('planted');
  expect(readAll(transport.log.reader('t', 0, { offset: 0 })).length).toBe(1);
  expect(transport.ledger.get('x')).toEqual(new Uint8Array([49]));
});
