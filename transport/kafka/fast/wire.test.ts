import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type WireOptions } from './wire.ts';

/** a request as it left: length, key, version, correlation, client, tags, body */
interface Seen {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
  readonly body: string;
}

const METADATA = 3;
const OPTIONS: WireOptions = { clientId: 'ann', tls: null, sasl: null, connectTimeout: 2_000, requestTimeout: 2_000 };
let server: Server;
let sockets: Socket[];
let seen: Seen[];
/** what the broker does with a request: nothing, unless a test says so */
let behave: (request: Seen, socket: Socket) => void;

function reply(socket: Socket, { correlation }: Seen, body: Buffer | string): void {
  const head = Buffer.alloc(9);
  head.writeInt32BE(5 + Buffer.byteLength(body), 0);
  head.writeInt32BE(correlation, 4);
  socket.write(Buffer.concat([head, Buffer.from(body)]));
}

beforeEach(async () => {
  sockets = [];
  seen = [];
  behave = () => {};
  server = createServer((socket) => {
    sockets.push(socket);
    let pending = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0);
        const from = 14 + pending.readInt16BE(12) + 1;
        const request = {
          key: pending.readInt16BE(4),
          version: pending.readInt16BE(6),
          correlation: pending.readInt32BE(8),
          body: pending.toString('latin1', from, end),
        };
        pending = pending.subarray(end);
        seen.push(request);
        behave(request, socket);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const open = (options: Partial<WireOptions> = {}) => connect('127.0.0.1', (server.address() as AddressInfo).port, { ...OPTIONS, ...options });
const part = (text: string) => [Buffer.from(text)];

test('a request in parts and its answer, large and small, in the memory asked for', async () => {
  behave = (request, socket) => reply(socket, request, request.body.repeat(request.body === 'large' ? 100_000 : 1));
  const wire = await open();
  const memory: Buffer[] = [];
  const into = (bytes: number) => {
    memory.push(Buffer.alloc(bytes + 100, 9));
    return memory[0] as Buffer;
  };
  const [large, small] = await Promise.all([
    wire.send(METADATA, 9, [Buffer.from('la'), Buffer.alloc(0), Buffer.from('rge')], into),
    wire.send(METADATA, 9, part('small')),
  ]);
  expect(large.toString()).toBe('large'.repeat(100_000));
  expect(large.buffer).toBe(memory[0]?.buffer);
  expect(small.toString()).toBe('small');
  expect(seen[0]).toMatchObject({ key: METADATA, version: 9, body: 'large' });
  wire.close();
  expect(wire.closed).toBe(true);
});

test('a name instead of an address', async () => {
  behave = (request, socket) => reply(socket, request, request.body.repeat(50_000));
  const wire = await connect('localhost', (server.address() as AddressInfo).port, OPTIONS);
  expect((await wire.send(METADATA, 9, part('ab'))).length).toBe(100_000);
  wire.close();
});

test('five are under way at most, in the order of the calls', async () => {
  const wire = await open();
  const done: string[] = [];
  const all = Array.from({ length: 8 }, (_, index) => wire.send(METADATA, 9, part(`r${index}`)).then((answer) => done.push(answer.toString())));
  await expect.poll(() => seen.length).toBe(5);
  behave = (request, socket) => reply(socket, request, request.body);
  for (const request of seen.slice()) reply(sockets[0] as Socket, request, request.body);
  await Promise.all(all);
  expect(done).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7']);
  wire.close();
});

test('a broker that does not answer, and what waits behind it', async () => {
  const wire = await open({ requestTimeout: 150 });
  const all = Array.from({ length: 7 }, () => wire.send(METADATA, 9, part('x')));
  const failed = await Promise.allSettled(all);
  for (const one of failed) expect(one).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('timed out after 150 ms') } });
  expect(wire.closed).toBe(true);
  await expect(wire.send(METADATA, 9, part('x'))).rejects.toThrow('Connection closed');
});

test.each(['end', 'destroy', 'resetAndDestroy'] as const)('a broker that goes: %s', async (way) => {
  behave = (_request, socket) => socket[way]();
  const wire = await open();
  await expect(wire.send(METADATA, 9, part('x'))).rejects.toThrow('Connection closed');
  expect(wire.closed).toBe(true);
});

test('an idle connection that the broker ends is known as closed', async () => {
  const wire = await open();
  await expect.poll(() => sockets.length).toBe(1);
  sockets[0]?.end();
  await expect.poll(() => wire.closed).toBe(true);
});

test('answers that are none end the connection', async () => {
  behave = (request, socket) => reply(socket, { ...request, correlation: 77 }, 'x');
  const astray = await open();
  await expect(astray.send(METADATA, 9, part('x'))).rejects.toThrow('request 77');
  expect(astray.closed).toBe(true);
  behave = (_request, socket) => socket.write(Buffer.from([0x15, 3, 3, 0, 2, 2, 80]));
  await expect((await open()).send(METADATA, 9, part('x'))).rejects.toThrow('Broker requires TLS.');
});

test('nobody listens; nobody speaks TLS', async () => {
  const { port } = server.address() as AddressInfo;
  behave = (_request, socket) => socket.destroy();
  await expect(connect('127.0.0.1', port, { ...OPTIONS, connectTimeout: 100, tls: { ca: null, cert: null, key: null } })).rejects.toThrow(/timed out|closed/);
  server.close();
  for (const socket of sockets) socket.destroy();
  await expect(connect('127.0.0.1', port, OPTIONS)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
