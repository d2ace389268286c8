import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { testCertificate } from '@millrace/runtime/certificate.case.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { probeBroker } from './probe.ts';

// a real broker is asked in e2e/kafka/doctor.e2e.ts

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closed(): Promise<string> {
  const server = createServer();
  const address = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return address;
}

const plain = { brokers: [], client: 'fast', tls: null, sasl: null } as const;
const tls = (ca: string | null) => ({ ...plain, tls: { ca, cert: null, key: null } });
const refused = (address: string, settings: Parameters<typeof probeBroker>[1] = plain) => probeBroker(address, settings, 400).catch((error: unknown) => error);

describe('a broker that is not there', () => {
  test('a name that stands for nothing', async () => {
    expect(await refused('no-such-host.invalid:9092')).toMatchObject({
      code: 'broker_unreachable',
      message: expect.stringMatching(/^The name no-such-host\.invalid stands for no address/),
    });
  });

  test('a port on which nothing listens', async () => {
    const address = await closed();
    expect(await refused(address)).toMatchObject({
      code: 'broker_unreachable',
      message: `Nothing listens at ${address}.`,
      hint: 'Start the broker, or check the port.',
    });
  });

  test('something else that listens, and something that keeps silent', async () => {
    const talker = await listening(createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(await refused(talker)).toMatchObject({ code: 'broker_refused', message: expect.stringContaining('does not answer as a Kafka broker does') });
    const silent = await listening(createServer((socket) => socket.on('error', () => undefined)));
    expect(await refused(silent)).toMatchObject({ code: 'broker_refused' });
    expect(await refused(silent, tls(null))).toMatchObject({ code: 'broker_unreachable', message: expect.stringContaining('does not answer within 400 ms') });
  });
});

describe('TLS', () => {
  const secure = (certificate: { cert: string; key: string }): Promise<string> =>
    listening(createTls(certificate, (socket) => socket.on('error', () => undefined)).on('tlsClientError', () => undefined));

  test('says what is wrong with a certificate', async () => {
    const wrong = testCertificate({ hosts: ['other.example'] });
    const old = testCertificate({ hosts: ['127.0.0.1'], until: Date.UTC(2024, 0, 2) });
    const early = testCertificate({ hosts: ['127.0.0.1'], from: Date.UTC(2048, 0, 2) });
    for (const [certificate, ca, message, hint] of [
      [wrong, wrong.cert, /\(other\.example; DNS:other\.example\) is not trusted: ERR_TLS_CERT_ALTNAME_INVALID/, /for another name/],
      [old, old.cert, /CERT_HAS_EXPIRED/, /good until Jan {2}2 00:00:00 2024 GMT/],
      [early, early.cert, /CERT_NOT_YET_VALID/, /good from Jan {2}2 00:00:00 2048 GMT/],
      [wrong, null, /is not trusted/, /tls: \{ ca: ca\.pem \}/],
    ] as const) {
      expect(await refused(await secure(certificate), tls(ca))).toMatchObject({
        code: 'tls_failed',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      });
    }
  });

  test('tells a listener with TLS from one without', async () => {
    const address = await secure(testCertificate({ hosts: ['127.0.0.1'] }));
    expect(await refused(address)).toMatchObject({ code: 'tls_failed', message: `${address} speaks TLS, and the profile has none.` });
    const unencrypted = await listening(createServer((socket) => socket.on('error', () => undefined).end('hello')));
    expect(await refused(unencrypted, tls(null))).toMatchObject({ code: 'tls_failed', message: expect.stringMatching(/does not speak TLS \(\w+\)/) });
  });
});
