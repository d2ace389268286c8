import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate } from '@millrace/runtime/certificate.case.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Millrace } from '../support/cli.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const line = (pem: string): string => pem.trim().replaceAll('\n', '\\n');

describeKafka('the doctor asks a broker with TLS, users and rights', () => {
  let broker: Broker;
  let dir: string;
  const { cert, key } = testCertificate({ hosts: ['localhost', '127.0.0.1'] });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'millrace-doctor-'));
    writeFileSync(join(dir, 'ca.pem'), cert);
    writeFileSync(join(dir, 'other.pem'), testCertificate({ hosts: ['localhost'] }).cert);
    broker = await startBroker({
      protocol: 'SASL_SSL',
      format: ['--add-scram', 'SCRAM-SHA-256=[name=boss,password=hush]', '--add-scram', 'SCRAM-SHA-256=[name=guest,password=hush]'],
      properties: {
        'listener.name.client.ssl.keystore.type': 'PEM',
        'listener.name.client.ssl.keystore.certificate.chain': line(cert),
        'listener.name.client.ssl.keystore.key': line(key),
        'listener.name.client.sasl.enabled.mechanisms': 'SCRAM-SHA-256',
        'listener.name.client.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:boss;User:ANONYMOUS',
      },
    });
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  interface Verdict {
    readonly code: number | null;
    readonly checks: { name: string; status: string; message: string; hint: string | null }[];
  }

  async function doctor(transport: string): Promise<Verdict> {
    writeFileSync(join(dir, 'p.yaml'), `transport: { type: kafka, brokers: ["${broker.brokers[0]}"]${transport} }\n`);
    const { code, stdout } = await new Millrace(['doctor', '--json', '--profile', './p.yaml'], { cwd: dir, env: { PASSWORD: 'hush', WRONG: 'not-it' } })
      .finished;
    expect(stdout).not.toMatch(/hush|not-it/);
    const { checks } = JSON.parse(stdout) as Verdict;
    return { code, checks: checks.filter(({ name }) => /^(broker|topics|cluster)/.test(name)) };
  }

  const tls = ', tls: { ca: ca.pem }';
  const user = (name: string, password = 'PASSWORD', mechanism = 'scram-sha-256'): string =>
    `, sasl: { mechanism: ${mechanism}, username: ${name}, password: "\${${password}}" }`;

  for (const client of ['fast', 'kafkajs']) {
    test(`all is well, through ${client}`, async () => {
      const { code, checks } = await doctor(`${tls}${user('boss')}, client: ${client}`);
      expect(checks).toMatchObject([
        { status: 'ok', message: expect.stringMatching(/^answers; TLS, certificate of localhost; .*, good until 2049-01-01$/) },
        { name: 'topics', status: 'ok', message: 'may be made' },
        { name: 'cluster', status: 'ok', message: `1 broker (${broker.brokers[0]}), 0 topics, client ${client}` },
      ]);
      expect(code).toBe(0);
    });
  }

  test('a user without rights', async () => {
    const { code, checks } = await doctor(`${tls}${user('guest')}`);
    expect(code).toBe(1);
    expect(checks).toMatchObject([{ status: 'ok' }, { name: 'topics', status: 'fail', message: expect.stringContaining('AUTHORIZATION_FAILED') }, {}]);
  });

  test('copies that the cluster cannot hold', async () => {
    const { checks } = await doctor(`${tls}${user('boss')}, topics: { replication: 3 }`);
    expect(checks[1]).toMatchObject({ name: 'topics', status: 'fail', message: expect.stringContaining('INVALID_REPLICATION_FACTOR') });
  });

  test.each([
    ['a wrong password', tls + user('boss', 'WRONG'), /does not let this user in/, /username and password/],
    ['a mechanism that it has not', tls + user('boss', 'PASSWORD', 'plain'), /does not let this user in/, /mechanism/],
    ['no user', tls, /cuts the connection when asked without a user/, /Add sasl/],
    ['an authority that is not its own', `, tls: { ca: other.pem }${user('boss')}`, /is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT/, /tls: \{ ca: ca\.pem \}/],
    ['the authorities of the system', `, tls: true${user('boss')}`, /is not trusted/, /tls: \{ ca: ca\.pem \}/],
    ['no TLS', user('boss'), /speaks TLS, and the profile has none/, /Add tls/],
    ['neither', '', /speaks TLS, and the profile has none/, /Add tls/],
  ])('%s', async (_, transport, message, hint) => {
    const { code, checks } = await doctor(transport);
    expect(code).toBe(1);
    expect(checks).toMatchObject([
      { name: `broker ${broker.brokers[0]}`, status: 'fail', message: expect.stringMatching(message), hint: expect.stringMatching(hint) },
    ]);
  });

  test('one that stands still', async () => {
    broker.pause();
    try {
      const { code, checks } = await doctor(tls + user('boss'));
      expect(code).toBe(1);
      expect(checks).toMatchObject([{ status: 'fail' }]);
    } finally {
      broker.resume();
    }
  });
});
