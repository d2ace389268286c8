import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { boundAddress, statusAddress } from './address.ts';
import { type Routes, type StatusServer, serve } from './server.ts';

const plain = (body: string) => ({ status: 200, type: 'text/plain; charset=utf-8', body });
const ROUTES: Routes = {
  '/hello': () => plain('hello ä\n'),
  '/slow': () => new Promise(() => undefined),
  '/soon': () => new Promise((resolve) => setTimeout(() => resolve(plain('late\n')), 100)),
  '/broken': () => {
    throw new Error('a secret');
  },
};
const open: StatusServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function start(token: string | null = null, routes = ROUTES): Promise<string> {
  const server = await serve({ host: '127.0.0.1', port: 0, token }, routes);
  open.push(server);
  return server.url;
}

const wrong = async (given: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> =>
  given.then(
    () => expect.unreachable(),
    ({ code, message, hint }) => ({ code, message, hint }),
  );

describe('a call', () => {
  test('GET gives the body, HEAD all but the body', async () => {
    const url = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(`${url}/hello?x=1`, { method });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(response.headers.get('content-length')).toBe('9');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.text()).toBe(method === 'GET' ? 'hello ä\n' : '');
    }
  });

  test.each(['/', '/hello/', '/Hello', '/__proto__', '/constructor', '//hello'])('of an unknown path, %s, is 404', async (path) => {
    const response = await fetch((await start()) + path);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: 'There is /hello, /slow, /soon, /broken.' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('by %s is not allowed, whatever it sends along', async (method) => {
    const response = await fetch(`${await start()}/hello`, { method, body: method === 'POST' ? 'x'.repeat(1e6) : null });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  test('whose answer fails is 500, and says nothing of why', async () => {
    const response = await fetch(`${await start()}/broken`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
  });

  test('that is no HTTP is refused, and the server goes on', async () => {
    const url = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(`${url}/hello`)).status).toBe(200);
  });

  test('with more headers than anyone needs is refused', async () => {
    const response = await fetch(`${await start()}/hello`, { headers: { 'x-long': 'x'.repeat(9000) } });
    expect(response.status).toBe(431);
  });
});

describe('behind a token', () => {
  const get = async (url: string, authorization?: string) => (await fetch(url, { headers: authorization === undefined ? {} : { authorization } })).status;

  test('only those who bring it are answered', async () => {
    const url = `${await start('s3cret')}/hello`;
    for (const right of ['Bearer s3cret', 'bearer s3cret', 'Bearer   s3cret ']) expect(await get(url, right), right).toBe(200);
    for (const none of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      's3cret',
      'Basic s3cret',
      'Bearer s3cre',
      'Bearer s3crets',
      'Bearer S3CRET',
      'Bearer s3cret s3cret',
    ])
      expect(await get(url, none), none).toBe(401);
  });

  test('the refusal says how, and neither the token nor what there is', async () => {
    const url = await start('s3cret');
    for (const path of ['/hello', '/nowhere']) {
      const response = await fetch(url + path);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="millrace"');
      expect(await response.text()).toBe('{"error":"Bring the token: Authorization: Bearer <token>."}\n');
    }
  });
});

describe('where it listens', () => {
  test('a port in use is an error that says so', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const error = await wrong(serve({ host: '127.0.0.1', port, token: null }, ROUTES));
      expect(error.code).toBe('address_unusable');
      expect(error.message).toBe(`The status server cannot listen at 127.0.0.1:${port}: another process listens there.`);
      expect(error.hint).toContain('--status 127.0.0.1:0');
    } finally {
      other.close();
    }
  });

  test('an address of another machine is an error', async () => {
    expect((await wrong(serve({ host: '192.0.2.1', port: 0, token: 't' }, ROUTES))).code).toBe('address_unusable');
    expect((await wrong(serve({ host: 'nowhere.invalid', port: 0, token: 't' }, ROUTES))).code).toBe('address_unusable');
  });

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1', '::ffff:127.0.0.1'])('%s is this machine only, and needs no token', async (host) => {
    expect(await boundAddress({ host, port: 0, token: null })).toMatch(/127|::1/);
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', '128.0.0.1'])('%s can be reached from others, and needs one', async (host) => {
    expect((await wrong(boundAddress({ host, port: 0, token: null }))).code).toBe('address_exposed');
    expect(await boundAddress({ host, port: 0, token: 't' })).toBe(host);
  });

  test('--status wins over the profile, whose token stays; an empty token is none', () => {
    const profile = { host: '10.0.0.1', port: 1, token: 't' };
    expect(statusAddress(undefined, null)).toBeNull();
    expect(statusAddress(undefined, profile)).toEqual(profile);
    expect(statusAddress(undefined, { ...profile, token: '' })).toEqual({ ...profile, token: null });
    expect(statusAddress('localhost:8088', profile)).toEqual({ host: 'localhost', port: 8088, token: 't' });
    expect(statusAddress('[::1]:0', null)).toEqual({ host: '::1', port: 0, token: null });
  });

  test.each([
    '',
    '8088',
    ':8088',
    'localhost',
    'localhost:',
    'localhost:http',
    '::1:8088',
    '[::1]',
    '[localhost]:1',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    'http://a:1',
  ])('--status %s is wrong usage', (given) => {
    expect(() => statusAddress(given, null)).toThrow(expect.objectContaining({ code: 'wrong_usage' }));
  });
});

describe('closing', () => {
  const call = (url: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      httpRequest(url, { agent: false }, resolve).on('error', reject).end();
    });

  test('lets a call under way end, cuts off one that does not, and frees the port', async () => {
    const server = await serve({ host: '127.0.0.1', port: 0, token: null }, ROUTES);
    const idle = connect(Number(new URL(server.url).port), '127.0.0.1');
    const idleEnd = new Promise((resolve) => idle.once('close', resolve));
    await new Promise((resolve) => idle.once('connect', resolve));
    const soon = call(`${server.url}/soon`);
    const slow = call(`${server.url}/slow`).catch((error: NodeJS.ErrnoException) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const begun = performance.now();
    await server.close();
    expect(performance.now() - begun).toBeLessThan(3000);
    expect((await soon).statusCode).toBe(200);
    expect(await slow).toBe('ECONNRESET');
    await idleEnd;
    const again = await serve({ host: '127.0.0.1', port: Number(new URL(server.url).port), token: null }, ROUTES);
    await again.close();
  });
});
