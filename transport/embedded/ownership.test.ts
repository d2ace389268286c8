import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Transport } from '../log.ts';
import { openEmbedded } from './open.ts';
import { claim, ownerOf } from './ownership.ts';
import { isAlive, thisProcess } from './process.ts';

let dir: string;
let transport: Transport;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-owner-'));
  transport = openEmbedded(dir);
});
afterEach(async () => {
  await transport.close();
  rmSync(dir, { recursive: true });
});

const script = `
  import { openEmbedded } from ${JSON.stringify(new URL('./open.ts', import.meta.url).href)};
  import { claim } from ${JSON.stringify(new URL('./ownership.ts', import.meta.url).href)};
  const transport = openEmbedded(process.argv[1]);
  const { generation, fence } = await claim(transport, process.argv[1], 'preprocessor');
  process.on('SIGUSR2', async () => {
    try {
      await transport.commit({ appenders: [], puts: [['x', Buffer.from('zombie')]], fence });
      console.log('committed');
    } catch (error) {
      console.log(error.code);
    }
  });
  console.log(generation);
  setInterval(() => {}, 1000);
`;

async function startOwner(): Promise<{ child: ChildProcess; says: () => Promise<string> }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const says = async () => String((await once(child.stdout as NodeJS.ReadableStream, 'data'))[0]).trim();
  return { child, says };
}

const put = (value: string) => [['x', Buffer.from(value)]] as const;

test('a role is refused while its owner lives, and given to the next when it was given back', async () => {
  const first = await claim(transport, dir, 'preprocessor');
  expect(first.generation).toBe(1);
  await expect(claim(transport, dir, 'preprocessor')).rejects.toThrow(
    expect.objectContaining({ code: 'already_running', message: expect.stringContaining(String(process.pid)) }),
  );
  expect((await claim(transport, dir, 'analyzer')).generation).toBe(1);
  await transport.commit({ appenders: [], puts: put('1'), fence: first.fence });
  await first.release();
  expect(() => transport.commit({ appenders: [], puts: put('2'), fence: first.fence })).toThrow(expect.objectContaining({ code: 'fenced' }));
  const second = await claim(transport, dir, 'preprocessor');
  expect(second.generation).toBe(2);
  await first.release();
  await transport.commit({ appenders: [], puts: put('3'), fence: second.fence });
});

test('a killed owner is followed; a living one is named; a zombie is fenced', async () => {
  const { child, says } = await startOwner();
  expect(await says()).toBe('1');
  await expect(claim(transport, dir, 'preprocessor')).rejects.toThrow(
    expect.objectContaining({ code: 'already_running', message: expect.stringContaining(String(child.pid)) }),
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  const mine = await claim(transport, dir, 'preprocessor');
  expect(mine.generation).toBe(2);
  await mine.release();

  const { child: stale, says: staleSays } = await startOwner();
  expect(await staleSays()).toBe('3');
  // its place is taken while it lives, as a machine that sees other process numbers would do
  const key = 'owner/preprocessor';
  await transport.commit({ appenders: [], puts: [[key, Buffer.from(JSON.stringify({ generation: 3, owner: null }))]] });
  expect((await claim(transport, dir, 'preprocessor')).generation).toBe(4);
  stale.kill('SIGUSR2');
  expect(await staleSays()).toBe('fenced');
  stale.kill('SIGKILL');
  await once(stale, 'exit');
});

test('a number that another process has got since is no owner', () => {
  const self = thisProcess();
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, started: 'another boot/1' })).toBe(self.started === '');
  expect(isAlive({ pid: 2 ** 22 + 1, started: '' })).toBe(false);
});

test('an owner that lives is replaced by who says so and knows it; its commits are refused from then on', async () => {
  const first = await claim(transport, dir, 'analyze');
  const known = ownerOf(transport, 'analyze');
  await expect(claim(transport, dir, 'analyze')).rejects.toMatchObject({ code: 'already_running' });
  const second = await claim(transport, dir, 'analyze', known);
  expect(second.generation).toBe(first.generation + 1);
  // known was the first
  await expect(claim(transport, dir, 'analyze', known)).rejects.toMatchObject({ code: 'already_running' });
  const write = async (fence: typeof first.fence): Promise<void> => transport.commit({ appenders: [], puts: [['x', Buffer.from('y')]], fence });
  await expect(write(first.fence)).rejects.toMatchObject({ code: 'fenced' });
  await write(second.fence);
  await first.release();
  await expect(claim(transport, dir, 'analyze')).rejects.toMatchObject({ code: 'already_running' });
});
