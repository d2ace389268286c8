import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { append } from '../append.case.ts';
import { exactLogCases } from '../exact-log.case.ts';
import { logCases, readAll } from '../log.case.ts';
import type { Transport } from '../log.ts';
import { openEmbedded } from './open.ts';
import { recordValue } from './writer.case.ts';

const makeDir = () => mkdtempSync(join(tmpdir(), 'millrace-log-'));
const script = new URL('./writer.case.ts', import.meta.url);

const make = () => {
  const dir = makeDir();
  // no case here crashes the machine: waiting for the disk would only take time
  return { open: () => openEmbedded(dir, { sync: false }), remove: () => rmSync(dir, { recursive: true }) };
};
logCases('embedded', make);
exactLogCases('embedded', make);

test('what was committed is there after close and reopening', async () => {
  const dir = makeDir();
  let transport = openEmbedded(dir);
  await transport.log.ensure('t', 2, { a: 'b' });
  const out = transport.log.appender('t');
  append(out, 1, { key: null, value: Buffer.from('v') });
  await transport.commit({ appenders: [out], puts: [['x', Buffer.from('1')]] });
  await transport.close();
  transport = openEmbedded(dir);
  expect(transport.log.topics()).toEqual([{ name: 't', partitions: 2, meta: { a: 'b' } }]);
  expect(readAll(transport.log.reader('t', 1, { offset: 0 })).map((record) => String(record.value))).toEqual(['v']);
  expect(String(Buffer.from(transport.ledger.get('x') as Uint8Array))).toBe('1');
  await transport.close();
  rmSync(dir, { recursive: true });
});

interface Child {
  readonly writer: string;
  readonly process: ChildProcess;
  /** the last number it printed */
  acknowledged: number;
}

function startChild(dir: string, writer: string, commits: number): Child {
  const process_ = spawn(process.execPath, [script.pathname, dir, writer, String(commits)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const child: Child = { writer, process: process_, acknowledged: -1 };
  let rest = '';
  process_.stdout?.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) child.acknowledged = Number(lines[lines.length - 1]);
  });
  return child;
}

/** Checks that each writer's records are whole, in order and without gaps in both partitions; gives the last of each. */
function lastOf(transport: Transport): Map<string, number> {
  const last = new Map<string, number>();
  for (const partition of [0, 1]) {
    const next = new Map<string, number>();
    for (const [at, { offset, key, value }] of readAll(transport.log.reader('t', partition, { offset: 0 }), 300_000).entries()) {
      const writer = String(key);
      const n = next.get(writer) ?? partition;
      if (offset !== at || !value?.equals(recordValue(writer, n)))
        throw new Error(`offset ${offset} at ${at}: not record ${n} of ${writer}: ${String(value).slice(0, 20)}`);
      next.set(writer, n + 2);
      last.set(writer, Math.max(n, last.get(writer) ?? -1));
    }
  }
  return last;
}

test('processes and threads append and read at the same time; a kill tears nothing', async () => {
  const dir = makeDir();
  const wake = new SharedArrayBuffer(4);
  const transport = openEmbedded(dir, { wake });
  await transport.log.ensure('t', 2);
  const children = ['p1', 'p2'].map((writer) => startChild(dir, writer, 1e9));
  const worker = new Worker(script, { workerData: { dir, writer: 'thread', commits: 300, wake } });
  const finished = once(worker, 'exit');
  const reader = transport.log.reader('t', 0, { offset: 0 });
  let read = 0;
  while (read < 2000 || children.some((child) => child.acknowledged < 200)) {
    const since = transport.log.version();
    read += readAll(reader).length;
    await transport.log.wait(5000, since);
  }
  await finished;
  const exits = children.map((child) => once(child.process, 'close'));
  for (const child of children) child.process.kill('SIGKILL');
  await Promise.all(exits);
  const check = async (opened: Transport) => {
    const last = lastOf(opened);
    for (const [writer, n] of last) expect(String(Buffer.from(opened.ledger.get(`last/${writer}`) as Uint8Array))).toBe(String(n));
    for (const child of children) expect(last.get(child.writer)).toBeGreaterThanOrEqual(child.acknowledged);
    expect(last.get('thread')).toBe(899);
    return last;
  };
  await check(transport);
  // a commit whose process was killed between its last byte on disk and its announcement is seen from the next write on
  await transport.commit({ appenders: [], puts: [['touched', Buffer.from('x')]] });
  const last = await check(transport);
  await transport.close();
  const again = openEmbedded(dir);
  expect(await check(again)).toEqual(last);
  const out = again.log.appender('t');
  append(out, 0, { key: Buffer.from('me'), value: recordValue('me', 0) });
  await out.flush();
  expect(lastOf(again).get('me')).toBe(0);
  await again.close();
  rmSync(dir, { recursive: true });
});

test('an append of another process ends a wait', async () => {
  const dir = makeDir();
  const transport = openEmbedded(dir);
  await transport.log.ensure('t', 2);
  const since = transport.log.version();
  const child = startChild(dir, 'p', 1);
  const closed = once(child.process, 'close');
  await Promise.race([transport.log.wait(60_000, since), sleep(15_000).then(() => Promise.reject(new Error('not woken')))]);
  expect(await transport.log.endOffset('t', 0)).toBe(1);
  await closed;
  await transport.close();
  rmSync(dir, { recursive: true });
});
