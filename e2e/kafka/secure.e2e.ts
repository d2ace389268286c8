import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientOptions, KafkaClient } from '@millrace/transport/kafka/client.ts';
import { Bench, readAll, values } from '@millrace/transport/kafka/client-grounds.case.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { ask, metadata, missingApis } from '@millrace/transport/kafka/fast/requests.ts';
import { connect } from '@millrace/transport/kafka/fast/wire.ts';
import { openKafkajs } from '@millrace/transport/kafka/kafkajs/open.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificate, certificate } from '../support/kafka/certificate.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const PASSWORD = 'river-and-wheel';
const WRONG = 'not-the-password';
/** ms after which a broker ends a session of SCRAM-SHA-512 that was not renewed; kafkajs renews one within 10 s of its end with every request, which brokers refuse */
const SESSION = 12_000;
const CLIENTS: readonly (readonly [string, (options: ClientOptions) => Promise<KafkaClient>])[] = [
  ['fast', openFast],
  ['kafkajs', openKafkajs],
];

describeKafka('TLS, SASL and rights', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  let broker: Broker;
  let own: Certificate;
  let other: Certificate;
  beforeAll(async () => {
    own = certificate(directory, 'broker', 'ip:127.0.0.1');
    other = certificate(directory, 'other', 'ip:127.0.0.1');
    const listener = 'listener.name.client';
    const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
    broker = await startBroker({
      protocol: 'SASL_SSL',
      properties: {
        [`${listener}.ssl.keystore.location`]: own.store,
        [`${listener}.ssl.keystore.password`]: own.password,
        [`${listener}.ssl.keystore.type`]: 'PKCS12',
        [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        [`${listener}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="${PASSWORD}" user_bob="${PASSWORD}";`,
        [`${listener}.scram-sha-256.sasl.jaas.config`]: scram,
        [`${listener}.scram-sha-512.sasl.jaas.config`]: scram,
        [`${listener}.scram-sha-512.connections.max.reauth.ms`]: `${SESSION}`,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:ann',
      },
      format: ['256', '512'].flatMap((size) => ['--add-scram', `SCRAM-SHA-${size}=[name=ann,password=${PASSWORD}]`]),
    });
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  describe.each(CLIENTS)('%s', (_name, open) => {
    const bench = new Bench(open, () => broker);
    const user = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', username = 'ann', password = PASSWORD) => ({ mechanism, username, password });
    const tls = (pem = own.pem) => ({ ca: pem, cert: null, key: null });
    const failure = async (options: Partial<ClientOptions>): Promise<Error & { code?: string }> => {
      const result = await bench.client({ patience: 8_000, ...options }).catch((error: Error) => error);
      expect(result).toBeInstanceOf(Error);
      expect(`${(result as Error).stack}`).not.toMatch(new RegExp(`${PASSWORD}|${WRONG}`));
      return result as Error;
    };

    test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('records over TLS with %s', async (mechanism) => {
      const client = await bench.client({ tls: tls(), sasl: user(mechanism) });
      const topic = await bench.topic(client);
      await client.producer.append([{ topic, partition: 0, batches: [values('a', 'b')] }]);
      const owner = await client.transactional(`secure.${process.pid}.${mechanism}`);
      const large = 'large '.repeat(150_000);
      await owner.append([{ topic, partition: 0, batches: [values('c', large)] }]);
      await owner.commit();
      expect((await readAll(client, topic)).map(({ value }) => value)).toEqual(['a', 'b', 'c', large]);
    });

    test('a wrong password, over each mechanism', async () => {
      for (const mechanism of ['plain', 'scram-sha-256'] as const)
        expect(await failure({ tls: tls(), sasl: user(mechanism, 'ann', WRONG) })).toMatchObject({ code: 'authentication_failed' });
    });

    test('an authority that did not sign the certificate', async () => {
      expect(await failure({ tls: tls(other.pem), sasl: user('plain') })).toMatchObject({ code: 'tls_failed' });
      expect(await failure({ tls: { ca: null, cert: null, key: null }, sasl: user('plain') })).toMatchObject({ code: 'tls_failed' });
    });

    test('no TLS where the broker wants it', async () => {
      const { code } = await failure({ sasl: user('plain') });
      expect(['tls_failed', 'broker_unreachable']).toContain(code);
    });

    test('a user without rights', async () => {
      const client = await bench.client({ tls: tls(), sasl: user('plain') });
      const topic = await bench.topic(client);
      const poor = await bench.client({ tls: tls(), sasl: user('plain', 'bob'), patience: 8_000 });
      const refused = { code: 'not_authorized' };
      await expect(poor.producer.append([{ topic, partition: 0, batches: [values('x')] }])).rejects.toMatchObject(refused);
      await expect(poor.offsets(topic, 'end')).rejects.toMatchObject(refused);
      await expect(poor.transactional('anyone')).rejects.toMatchObject(refused);
      expect(await client.offsets(topic, 'end')).toEqual([0]);
    });
  });

  test('sessions that end are renewed on the same connection, while requests go on', async () => {
    const [host, port] = (broker.brokers[0] as string).split(':') as [string, string];
    const sasl = { mechanism: 'scram-sha-512', username: 'ann', password: PASSWORD } as const;
    const tls = { ca: own.pem, cert: null, key: null };
    const open = () => connect(host, Number(port), { clientId: 'long', tls, sasl, connectTimeout: 5_000, requestTimeout: 5_000 });
    const [busy, idle] = await Promise.all([open(), open()]);
    const until = Date.now() + 1.3 * SESSION;
    const { key, version, body } = metadata([]);
    while (Date.now() < until) await Promise.all(Array.from({ length: 8 }, () => busy.send(key, version, body)));
    expect(await ask(idle, 'broker', missingApis())).toEqual([]);
    for (const wire of [busy, idle]) wire.close();
  });
});
