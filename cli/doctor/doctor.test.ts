import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { TestRegistry } from '@millrace/shared-schemas/registry/confluent-server.case.ts';
import { describe, expect, test } from 'vitest';
import { called, tempDir } from '../millrace.case.ts';
import { ok, within } from './check.ts';
import { checkDirectory } from './directory.ts';
import { checkMemory, checkNode } from './machine.ts';

const dir = tempDir();
const GiB = 2 ** 30;

async function doctor(
  profile: string | null,
  env: Record<string, string> = {},
): Promise<{ code: number | null; ok: boolean; checks: { name: string; status: string; message: string; hint: string | null }[] }> {
  if (profile !== null) writeFileSync(join(dir.path, 'p.yaml'), profile);
  const { code, stdout } = await called(dir.path, ['doctor', '--json', ...(profile === null ? [] : ['--profile', './p.yaml'])], { env });
  expect(stdout.trimEnd()).not.toContain('\n');
  return { code, ...JSON.parse(stdout) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('without a profile: what an embedded run needs, and nothing is left behind', async () => {
  const { code, checks, ...rest } = await doctor(null);
  expect({ code, ...rest }).toEqual({ code: 0, profile: 'default', ok: true });
  expect(checks.map(({ name }) => name)).toEqual(['node', 'memory', 'data directory .millrace', 'tensorflow']);
  expect(checks[3].message).toMatch(/^(native|wasm) \d/);
  expect(readdirSync(dir.path)).toEqual([]);
});

test('for people: a line a check, the way out below, colour where it is asked for', async () => {
  writeFileSync(join(dir.path, 'p.yaml'), `transport: { type: kafka, brokers: ["127.0.0.1:${await freePort()}"] }\n`);
  const { code, stdout, stderr } = await called(dir.path, ['doctor', '--profile', './p.yaml']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toMatch(/^ok {4}node {2,}\d/);
  expect(stdout).toMatch(
    /\nfail {2}broker 127\.0\.0\.1:\d+ +Nothing listens at 127\.0\.0\.1:\d+\.\n {6}hint: Start the broker, or check the port\.\n5 checks: 1 failed(, \d worth a look)?\n$/,
  );
  const colored = await called(dir.path, ['doctor', '--profile', './p.yaml'], { env: { FORCE_COLOR: '1' } });
  expect(colored.stdout).toContain('\u001b[31mfail\u001b[39m');
});

test('a profile that is wrong is told as lint tells it', async () => {
  writeFileSync(join(dir.path, 'p.yaml'), 'transport: { type: kafka }\n');
  const { code, stderr } = await called(dir.path, ['doctor', '--profile', './p.yaml']);
  expect(code).toBe(1);
  expect(stderr).toContain('p.yaml:1:12 missing_key');
  expect(await called(dir.path, ['doctor', '--profile', 'none'])).toMatchObject({ code: 2 });
  expect((await called(dir.path, ['doctor', '--help'])).stdout).toContain('millrace doctor --profile kafka');
});

test('what is worth a warning in the profile is said first', async () => {
  writeFileSync(
    join(dir.path, 'p.yaml'),
    `transport: { type: kafka, brokers: ["127.0.0.1:${await freePort()}"], sasl: { mechanism: plain, username: me, password: "\${PW}" } }\n`,
  );
  const { code, stdout, stderr } = await called(dir.path, ['doctor', '--json', '--profile', './p.yaml'], { env: { PW: 'hush' } });
  expect(stderr).toMatch(/^\.\/p\.yaml:1:\d+ cleartext_password warning: The password travels in clear: sasl without tls\.\n/);
  expect(stdout + stderr).not.toContain('hush');
  expect({ code, ok: JSON.parse(stdout).ok }).toEqual({ code: 1, ok: false });
});

test('it ends soon though nothing answers', async () => {
  const silent = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  const begun = systemClock.monotonic();
  const { code, checks } = await doctor(
    `transport: { type: kafka, brokers: ["127.0.0.1:${port}", "127.0.0.1:${await freePort()}"], tls: true }\nregistry: { url: "http://127.0.0.1:${port}" }\n`,
  );
  expect(systemClock.monotonic() - begun).toBeLessThan(10_000);
  expect(code).toBe(1);
  expect(checks.slice(4).map(({ name, status }) => `${status} ${name.split(' ')[0]}`)).toEqual(['fail broker', 'fail broker', 'fail registry']);
  expect(checks.every(({ status, hint }) => (status === 'ok') === (hint === null))).toBe(true);
  silent.close();
});

describe('a registry', () => {
  test('that answers, wants a user, is in trouble', async () => {
    const server = await TestRegistry.start({ auth: { username: 'me', password: 'hush' } });
    try {
      const as = (user: string): string => `registry: { url: "${server.url}"${user} }\n`;
      const fine = await doctor(as(', username: me, password: "${PW}"'), { PW: 'hush' });
      expect(fine.checks.at(-1)).toEqual({ name: `registry ${server.url}`, status: 'ok', message: 'answers; compatibility BACKWARD', hint: null });
      const wrong = await doctor(as(', username: me, password: "${PW}"'), { PW: 'not-it' });
      expect(wrong).toMatchObject({ code: 1, ok: false });
      expect(wrong.checks.at(-1)).toMatchObject({
        status: 'fail',
        message: expect.stringContaining('refuses GET /config as me (401)'),
        hint: expect.stringContaining('username and password'),
      });
      expect(JSON.stringify(wrong)).not.toContain('not-it');
      server.failures.push(...Array.from({ length: 20 }, () => ({ status: 503 })));
      expect((await doctor(as(''))).checks.at(-1)).toMatchObject({ status: 'fail', message: expect.stringContaining('it answers 503') });
    } finally {
      await server.close();
    }
  });
});

describe('the status page', () => {
  test('an address that is free, taken, or none of this machine', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const listen = async (where: string, env: Record<string, string> = {}) =>
      (await doctor(`http: { listen: "${where}"${env.TOKEN ? ', token: "${TOKEN}"' : ''} }\n`, env)).checks.at(-1);
    expect(await listen('127.0.0.1:0')).toMatchObject({ status: 'ok', message: 'free' });
    expect(await listen('127.0.0.1:0', { TOKEN: 'hush' })).toMatchObject({ status: 'ok', message: 'free, guarded by a token' });
    expect(await listen(`127.0.0.1:${port}`)).toMatchObject({ name: `http 127.0.0.1:${port}`, status: 'warn', message: 'Something listens there already.' });
    expect(await listen('192.0.2.1:0', { TOKEN: 'hush' })).toMatchObject({ status: 'fail', message: expect.stringContaining('EADDRNOTAVAIL') });
    expect(await listen('no-such-host.invalid:1', { TOKEN: 'hush' })).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('no-such-host.invalid'),
    });
    taken.close();
  });
});

describe('a data directory', () => {
  test('that can be used, and one that is made and taken away again', () => {
    expect(checkDirectory(dir.path, 'd')).toMatchObject({ name: 'data directory d', message: expect.stringMatching(/^writable, .*iB free/) });
    expect(checkDirectory(join(dir.path, 'a', 'b', 'c'), 'd').message).toContain('writable');
    expect(readdirSync(dir.path)).toEqual([]);
    mkdirSync(join(dir.path, 'a'));
    checkDirectory(join(dir.path, 'a', 'b'), 'd');
    expect(readdirSync(join(dir.path, 'a'))).toEqual([]);
  });

  test('that is a file, lies below one, or takes nothing', () => {
    writeFileSync(join(dir.path, 'f'), '');
    expect(checkDirectory(join(dir.path, 'f'), 'f')).toMatchObject({ status: 'fail', message: 'It cannot be written to (ENOTDIR).' });
    expect(checkDirectory(join(dir.path, 'f', 'x'), 'x')).toMatchObject({ status: 'fail', message: 'It cannot be written to (ENOTDIR).' });
  });

  // nobody may make a directory there, root neither
  test.runIf(existsSync('/proc/self'))('that nobody may write to', () => {
    expect(checkDirectory('/proc/millrace', 'x')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/cannot be written to \(E\w+\)/),
      hint: expect.any(String),
    });
  });

  test.runIf(existsSync('/dev/shm'))('that is gone with the machine', () => {
    expect(checkDirectory('/dev/shm/millrace-doctor-test', 'x').message).toMatch(/in memory$|cannot be written/);
  });

  test('--data-dir wins over the profile', async () => {
    writeFileSync(join(dir.path, 'p.yaml'), 'checkpoint: { path: ./state }\n');
    const names = async (...more: string[]) =>
      (JSON.parse((await called(dir.path, ['doctor', '--json', '--profile', './p.yaml', ...more])).stdout) as { checks: { name: string }[] }).checks.map(
        ({ name }) => name,
      );
    expect(await names()).toContain('data directory state');
    expect(await names('--data-dir', 'other')).toContain('data directory other');
  });
});

describe('the machine', () => {
  test.each([
    ['22.21.0', 'fail'],
    ['22.22.0', 'ok'],
    ['23.9.0', 'fail'],
    ['24.5.0', 'fail'],
    ['24.6.0', 'ok'],
    ['25.0.0', 'ok'],
  ])('Node %s', (version, status) => expect(checkNode(version).status).toBe(status));

  test('memory that the budgets fit into, or not', () => {
    const checked = (state: number, total: number, heap: number, parallelism = 1) =>
      checkMemory({ ...defaultProfile, parallelism, memory: { state, inFlight: GiB / 32 } }, { total, free: total / 2, heap }).status;
    expect(checked(GiB, 8 * GiB, 4 * GiB)).toBe('ok');
    expect(checked(GiB, GiB, 4 * GiB)).toBe('fail');
    expect(checked(GiB, 2 * GiB, 4 * GiB)).toBe('warn');
    expect(checked(8 * GiB, 64 * GiB, 4 * GiB)).toBe('warn');
    expect(checked(8 * GiB, 64 * GiB, 4 * GiB, 2)).toBe('ok');
  });

  test('a check that takes too long, or throws, has failed', async () => {
    expect(await within(20, 'x', () => new Promise(() => undefined))).toMatchObject({ name: 'x', status: 'fail', message: 'No answer within 0.02 s.' });
    expect(await within(1000, 'x', async () => Promise.reject(new TypeError('no')))).toMatchObject({ status: 'fail', message: 'no' });
    expect(await within(1000, 'x', async () => ok('x', 'fine'))).toEqual(ok('x', 'fine'));
  });
});
