import { MillraceError } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import { append } from '../append.case.ts';
import { readAll } from '../log.case.ts';
import type { Transport } from '../log.ts';
import { FakeHosts } from './fake-hosts.case.ts';
import { LedgerCopy } from './ledger-copy.ts';

const hosts = new FakeHosts();
const open = (host: string, dataDir?: string): Promise<Transport> => hosts.open(host, dataDir === undefined ? {} : { dataDir });
const bytes = (text: string) => Buffer.from(text);
const text = (value: Uint8Array | null) => (value === null ? null : String(Buffer.from(value)));

/** holds transactions at their end until it is called */
function gate(): { open: () => void; reached: Promise<void> } {
  let let_ = () => {};
  let reach = () => {};
  const through = new Promise<void>((resolve) => {
    let_ = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  hosts.brokers.beforeCommit = () => {
    hosts.brokers.beforeCommit = async () => {};
    reach();
    return through;
  };
  return { open: let_, reached };
}

test('what others write while a commit is on its way arrives, and the saved place never passes records that the copy may lack', async () => {
  const dir = hosts.makeDir();
  const one = await open('one', dir);
  const other = await open('other');
  await one.commit({ appenders: [], puts: [['mine', bytes('1')]] });
  const held = gate();
  const commit = one.commit({ appenders: [], puts: [['mine', bytes('2')]] });
  const from = (await one.log.endOffset('p.ledger', 0)) as number;
  await held.reached;
  await other.commit({ appenders: [], puts: [['theirs', bytes('x')]] });
  await expect.poll(() => text(one.ledger.get('theirs'))).toBe('x');
  expect(text(one.ledger.get('mine'))).toBe('1');
  // what is noted stands behind all that the copy has
  one.note([]);
  // dies here: its copy is taken as it is
  const copy = await LedgerCopy.open(dir, 'one', 'look', () => false);
  expect(text(copy.get('theirs'))).toBe('x');
  expect(copy.standing?.positions[0]).toBeLessThanOrEqual(from);
  held.open();
  await commit;
  expect(() => one.note([])).toThrow('Another process has opened the copy');
  await copy.close();
  hosts.forget(one);
  const last = await open('one', dir);
  expect([text(last.ledger.get('theirs')), text(last.ledger.get('mine'))]).toEqual(['x', '2']);
});

test('what is noted behind a commit outlives its owner, though the commit is read again', async () => {
  const dir = hosts.makeDir();
  const one = await open('one', dir);
  await one.commit({ appenders: [], puts: [['suspect', bytes('before')]] });
  one.note([['suspect', bytes('noted')]]);
  // dies here
  const two = await open('one', dir);
  expect(text(two.ledger.get('suspect'))).toBe('noted');
  two.note([['suspect', bytes('noted again')]]);
  await two.commit({ appenders: [], puts: [['suspect', bytes('after')]] });
  const three = await open('one', dir);
  expect(['noted again', 'after']).toContain(text(three.ledger.get('suspect')));
  await three.commit({ appenders: [], puts: [['suspect', bytes('last')]] });
  await three.close();
  hosts.forget(three);
  expect(text((await open('one', dir)).ledger.get('suspect'))).toBe('last');
});

test('an appender is filled again while what it held is on its way', async () => {
  const transport = await open('one');
  await transport.log.ensure('t', 1);
  const out = transport.log.appender('t');
  append(out, 0, { key: null, value: bytes('first') });
  const held = gate();
  const commits = [transport.commit({ appenders: [out], puts: [['n', bytes('1')]] })];
  expect([out.pendingRecords, out.pendingBytes]).toEqual([0, 0]);
  await held.reached;
  append(out, 0, { key: null, value: bytes('second') });
  commits.push(transport.commit({ appenders: [out], puts: [['m', bytes('2')]] }));
  append(out, 0, { key: null, value: bytes('third') });
  held.open();
  await Promise.all(commits);
  const read = () => readAll(transport.log.reader('t', 0, { offset: 0 })).map(({ value }) => String(value));
  expect(read()).toEqual(['first', 'second']);
  expect([text(transport.ledger.get('n')), text(transport.ledger.get('m')), out.pendingRecords]).toEqual(['1', '2', 1]);
  await transport.commit({ appenders: [out], puts: [] });
  expect(read()).toEqual(['first', 'second', 'third']);
});

test('after a commit that failed nothing goes on, neither the one that waits behind it', async () => {
  const dir = hosts.makeDir();
  const transport = await open('one', dir);
  await transport.commit({ appenders: [], puts: [['n', bytes('1')]] });
  hosts.brokers.beforeCommit = async () => {
    throw new MillraceError('broker_unreachable', 'planted');
  };
  const failed = { code: 'broker_unreachable', message: expect.stringContaining('planted') };
  const two = ['2', '3'].map((n) => transport.commit({ appenders: [], puts: [['n', bytes(n)]] }));
  for (const commit of two) await expect(commit).rejects.toMatchObject(failed);
  hosts.brokers.beforeCommit = async () => {};
  await expect(transport.commit({ appenders: [], puts: [['n', bytes('4')]] })).rejects.toMatchObject({
    ...failed,
    message: expect.stringContaining('of no use'),
  });
  expect(() => transport.note([['n', null]])).toThrow('of no use');
  expect(text(transport.ledger.get('n'))).toBe('1');
  await hosts.close(transport);
  expect(text((await open('one', dir)).ledger.get('n'))).toBe('1');
});

test('two that name the ledger at once come to one name', async () => {
  const dirs = [hosts.makeDir(), hosts.makeDir()];
  const both = await Promise.all(dirs.map((dir, n) => open(`host${n}`, dir)));
  for (const [n, transport] of both.entries()) await transport.commit({ appenders: [], puts: [[`k${n}`, bytes('v')]] });
  await hosts.closeAll();
  for (let round = 0; round < 2; round++) {
    const names = new Set<string | undefined>();
    for (const [n, dir] of dirs.entries()) {
      const transport = await open(`host${n}`, dir);
      expect([...transport.ledger.entries('')].map(([key]) => key)).toEqual(['k0', 'k1']);
      await hosts.close(transport);
      const copy = await LedgerCopy.open(dir, `host${n}`, 'look');
      names.add(copy.standing?.topic);
      await copy.close();
    }
    expect(names.size).toBe(1);
  }
});
