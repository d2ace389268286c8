import { createServer } from 'node:net';
import { testCertificate } from '@millrace/runtime/certificate.case.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { afterEach, expect, test } from 'vitest';
import { avroDecoder, parseSchema } from '../avro.ts';
import { writeFrame } from '../framing.ts';
import { ConfluentRegistry } from './confluent.ts';
import { TestRegistry } from './confluent-server.case.ts';
import { FileRegistry } from './file.ts';
import { openRegistry } from './open.ts';

const record = (...fields: [string, unknown, unknown?][]): unknown => ({
  type: 'record',
  name: 'R',
  fields: fields.map(([name, type, preset]) => (preset === undefined ? { name, type } : { name, type, default: preset })),
});

const servers: TestRegistry[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(...[options]: Parameters<typeof TestRegistry.start>): Promise<TestRegistry> {
  const server = await TestRegistry.start(options);
  servers.push(server);
  return server;
}

const nobody = { username: null, password: null, ca: null };
const client = (url: string, more: object = {}): ConfluentRegistry => new ConfluentRegistry({ url, ...nobody, clock: systemClock, patience: 3000, ...more });

test('registers once, under the id that the registry gives, and keeps what it knows', async () => {
  const server = await start();
  const registry = client(server.url);
  const id = await registry.register('a/b-value', record(['x', 'int']));
  expect(id).toBe(101);
  expect(await registry.register('a/b-value', record(['x', 'int']))).toBe(101);
  expect(await registry.register('a/b-value', record(['x', 'long'], ['y', 'int', 0]))).toBe(102);
  // an old version stays what it is
  expect(await registry.register('a/b-value', record(['x', 'int']))).toBe(101);
  expect(server.versions('a/b-value')).toEqual([101, 102]);
  server.calls.length = 0;
  expect(registry.byId(102)?.root.fields.map(({ name }) => name)).toEqual(['x', 'y']);
  expect(registry.knows(102)).toBe(true);
  await registry.fetch(102);
  expect(server.calls).toEqual([]);
});

test('an id is fetched once, however many ask, and one that nobody has is believed for a minute', async () => {
  const server = await start();
  const id = server.put('t-value', record(['x', 'int']));
  let now = 0;
  const registry = client(server.url, { clock: { ...systemClock, monotonic: () => now } });
  expect([registry.knows(id), registry.byId(id)]).toEqual([false, null]);
  await Promise.all(Array.from({ length: 20 }, () => registry.fetch(id)));
  expect(server.calls).toEqual([`GET /schemas/ids/${id}`]);
  expect(registry.byId(id)?.root.fields).toHaveLength(1);
  await Promise.all(Array.from({ length: 30 }, (_, i) => registry.fetch(1000 + i)));
  expect([registry.knows(1029), registry.byId(1029)]).toEqual([true, null]);
  expect(server.calls).toHaveLength(31);
  await registry.fetch(1029);
  expect(server.calls).toHaveLength(31);
  now = 60_001;
  expect([registry.knows(1029), registry.knows(id)]).toEqual([false, true]);
});

test('what breaks the readers of a subject is refused before it is there, with our own reason', async () => {
  const server = await start();
  server.put('t-value', record(['x', 'long']));
  const registry = client(server.url);
  const wrong = record(['x', 'int'], ['y', 'string']);
  const expected = {
    code: 'schema_incompatible',
    message: 't-value: x is long, the new schema reads int; y has no default, and the new schema would miss it in what was written without it',
  };
  await expect(registry.register('t-value', wrong)).rejects.toMatchObject(expected);
  await expect(registry.checkWriter('t-value', wrong)).rejects.toMatchObject(expected);
  await expect(registry.checkReader('t-value', wrong)).rejects.toMatchObject({
    code: 'schema_incompatible',
    message: expect.stringContaining('t-value, newest version: x is long'),
  });
  expect(server.versions('t-value')).toHaveLength(1);
  // Apicurio says NONE of a subject that has no level of its own
  for (const level of ['NONE', 'BACKWARD_TRANSITIVE', 'BACKWARD']) {
    server.subjectLevel = level;
    await expect(registry.register('t-value', wrong)).rejects.toMatchObject(expected);
  }
  server.subjectLevel = null;
  for (const fine of [record(['x', 'long']), record(['x', 'double'], ['y', 'string', ''])]) {
    await registry.checkWriter('t-value', fine);
    await registry.checkReader('t-value', fine);
  }
  await registry.register('t-value', record(['x', 'double']));
  await registry.checkWriter('t-value', record(['x', 'long']));
  server.level = 'BACKWARD';
  await registry.checkWriter('new-value', wrong);
  await registry.checkReader('new-value', wrong);
  // the level is the registry's
  server.level = 'FORWARD';
  await expect(registry.register('t-value', record(['x', 'string']))).rejects.toMatchObject({ message: 't-value: x is string, the old schema reads double' });
  server.level = 'NONE';
  expect(await registry.register('t-value', wrong)).toBe(103);
});

test('where the newest version is none that we can read, the registry itself says why', async () => {
  const server = await start();
  server.put('t-value', '"string"');
  const registry = client(server.url);
  await expect(registry.latest('t-value')).rejects.toMatchObject({ code: 'schema_invalid' });
  await expect(registry.checkReader('t-value', record(['x', 'int']))).rejects.toMatchObject({ code: 'schema_invalid' });
  expect(await registry.latest('none')).toBeNull();
});

test('what passes is tried again: errors of the server, too many calls, a connection cut', async () => {
  const server = await start();
  server.failures.push({ status: 503 }, { status: 500 }, 'cut', { status: 429, retryAfter: 0 });
  expect(await client(server.url).register('t-value', record(['x', 'int']))).toBe(101);
  expect(server.calls).toHaveLength(6);
});

test('it gives up when its patience is over, and says what it heard last', async () => {
  const server = await start();
  server.failures.push(...Array.from({ length: 50 }, () => ({ status: 502 })));
  await expect(client(server.url, { patience: 400 }).fetch(1)).rejects.toMatchObject({
    code: 'registry_unreachable',
    message: `The registry ${server.url} does not answer: it answers 502.`,
  });
  expect(server.calls.length).toBeGreaterThan(1);
  server.failures.splice(0, 50, { status: 429, retryAfter: 60 });
  const before = server.calls.length;
  await expect(client(server.url, { patience: 400 }).fetch(1)).rejects.toMatchObject({ code: 'registry_unreachable' });
  expect(server.calls.length).toBe(before + 1);
  server.failures.splice(0, 50, 'silent', 'silent', 'silent');
  await expect(client(server.url, { patience: 200 }).level()).rejects.toMatchObject({
    code: 'registry_unreachable',
    message: expect.stringContaining('no answer in time'),
  });
  await server.close();
  servers.length = 0;
  await expect(client(server.url, { patience: 200 }).level()).rejects.toMatchObject({
    code: 'registry_unreachable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  await expect(client('http://no-such-host.invalid', { patience: 200 }).level()).rejects.toMatchObject({ code: 'registry_unreachable' });
});

test('a failed call leaves nothing behind: the next one asks anew', async () => {
  const server = await start();
  const id = server.put('t-value', record(['x', 'int']));
  const registry = client(server.url, { patience: 100 });
  server.failures.push({ status: 500 }, { status: 500 });
  await expect(registry.fetch(id)).rejects.toMatchObject({ code: 'registry_unreachable' });
  server.failures.length = 0;
  expect(registry.knows(id)).toBe(false);
  await registry.fetch(id);
  expect(registry.byId(id)).not.toBeNull();
});

test('a user and a password, which no message shows', async () => {
  const server = await start({ auth: { username: 'me', password: 'hush' } });
  expect(await client(server.url, { username: 'me', password: 'hush' }).level()).toBe('BACKWARD');
  for (const [more, message] of [
    [{}, `The registry ${server.url} refuses GET /config without a user (401).`],
    [{ username: 'me', password: 'hush2' }, `The registry ${server.url} refuses GET /config as me (401).`],
  ] as const) {
    const error = (await client(server.url, more)
      .level()
      .catch((it: unknown) => it)) as Error;
    expect(error).toMatchObject({ code: 'registry_refused', message });
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain('hush2');
  }
  expect(server.calls).toHaveLength(3);
});

test('https by an authority of the profile, and no other', async () => {
  const tls = testCertificate({ hosts: ['localhost'] });
  const server = await start({ tls });
  expect(await client(server.url, { ca: tls.cert }).level()).toBe('BACKWARD');
  await expect(client(server.url).level()).rejects.toMatchObject({ code: 'registry_refused', message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') });
  await expect(client(server.url, { ca: testCertificate({ hosts: ['localhost'] }).cert }).level()).rejects.toMatchObject({ code: 'registry_refused' });
  const other = testCertificate({ hosts: ['other'] });
  const wrong = await start({ tls: other });
  await expect(client(wrong.url, { ca: other.cert }).level()).rejects.toMatchObject({
    code: 'registry_refused',
    message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
  });
});

test('what is no registry is told apart from an id that nobody has', async () => {
  const server = await start();
  const lost = { code: 'registry_refused', message: expect.stringContaining('not as a schema registry does') };
  server.failures.push({ status: 404 }, { status: 200, body: 'hello' }, { status: 302 });
  const registry = client(server.url);
  for (let i = 0; i < 3; i++) await expect(registry.fetch(1)).rejects.toMatchObject(lost);
  expect(registry.knows(1)).toBe(false);
  server.failures.push({ status: 422, body: '{"error_code":42205,"message":"read-only"}' });
  await expect(registry.register('t-value', record(['x', 'int']))).rejects.toMatchObject({
    code: 'registry_refused',
    message: 'The registry refuses t-value: read-only (422, 42205).',
  });
  const mute = createServer((socket) => socket.end('what?\r\n\r\n'));
  await new Promise<void>((resolve) => mute.listen(0, 'localhost', resolve));
  const { port } = mute.address() as { port: number };
  await expect(client(`http://localhost:${port}`).level()).rejects.toMatchObject({ code: 'registry_refused', message: expect.stringContaining('HPE_') });
  mute.close();
});

test('records of a schema that is not ours to read are flawed, the others are not', async () => {
  const server = await start();
  const own = record(['x', 'int']);
  const registry = client(server.url);
  const fine = await registry.register('t-value', own);
  const proto = server.put('u-value', 'syntax = "proto3";', { schemaType: 'PROTOBUF' });
  const union = server.put('v-value', record(['x', ['int', 'string']]));
  const referring = server.put('w-value', record(['x', 'long']), { references: [{ name: 'Q', subject: 'q', version: 1 }] });
  for (const id of [proto, union, referring, 999]) await registry.fetch(id);
  const decode = avroDecoder(parseSchema(own), { x: 'x' }, { framing: 'confluent', writerSchema: (id) => registry.byId(id) });
  const judged = (id: number): string | undefined => {
    const buffer = Buffer.alloc(6);
    const end = writeFrame(id, buffer, 0) + 1;
    return decode({}, buffer, 0, end)?.message;
  };
  expect(judged(fine)).toBeUndefined();
  expect(judged(proto)).toBe(`schema ${proto} cannot be used: schema ${proto} is PROTOBUF, not Avro`);
  expect(judged(union)).toMatch(/^schema \d+ cannot be used: /);
  expect(judged(referring)).toMatch(/refers to other schemas$/);
  expect(judged(999)).toBe('no schema has the id 999');
});

test('a profile chooses the registry', () => {
  expect(openRegistry(null, '/nowhere', systemClock)).toBeInstanceOf(FileRegistry);
  expect(openRegistry({ url: 'http://localhost:1', ...nobody }, '/nowhere', systemClock)).toBeInstanceOf(ConfluentRegistry);
});
