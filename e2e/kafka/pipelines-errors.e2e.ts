/** A broker that cannot be reached or does not let one in: one clear line, exit code 1, nothing written, no secret told; the doctor says the same. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate } from '@millrace/runtime/certificate.case.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Millrace } from '../support/cli.ts';
import { complaints } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const SECRETS = { PASSWORD: 'hush-hush', WRONG: 'not-the-word' };
const PIPELINE = `version: 1
name: errors
schemas:
  word: { type: record, name: Word, fields: [{ name: id, type: long }, { name: word, type: string }] }
preprocess:
  sources: [{ id: words, type: topic, topic: errors.words, format: json, schema: word }]
  outputs:
    - { id: out, from: words, topic: errors.out, format: json, key: word }
    - { id: file, from: words, type: file, path: out/words.jsonl, format: json }
`;

const pem = (text: string): string => text.trim().replaceAll('\n', '\\n');

describeKafka('a broker that is not to be had', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-errors-'));
  const { cert, key } = testCertificate({ hosts: ['localhost', '127.0.0.1'] });
  let broker: Broker;
  let runs = 0;

  beforeAll(async () => {
    writeFileSync(join(base, 'pipeline.yaml'), PIPELINE);
    writeFileSync(join(base, 'ca.pem'), cert);
    writeFileSync(join(base, 'other.pem'), testCertificate({ hosts: ['localhost'] }).cert);
    broker = await startBroker({
      protocol: 'SASL_SSL',
      format: ['--add-scram', `SCRAM-SHA-256=[name=boss,password=${SECRETS.PASSWORD}]`],
      properties: {
        'listener.name.client.ssl.keystore.type': 'PEM',
        'listener.name.client.ssl.keystore.certificate.chain': pem(cert),
        'listener.name.client.ssl.keystore.key': pem(key),
        'listener.name.client.sasl.enabled.mechanisms': 'SCRAM-SHA-256',
        'listener.name.client.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      },
    });
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  /** What run and doctor say; that nothing is left behind and no secret is told. */
  async function refused(brokers: readonly string[], more: string, client: string): Promise<{ run: string; doctor: string }> {
    const n = runs++;
    const list = brokers.map((address) => JSON.stringify(address)).join(', ');
    writeFileSync(join(base, `${n}.yaml`), `transport: { type: kafka, brokers: [${list}], client: ${client}, topics: { replication: 1 }${more} }\n`);
    const options = { cwd: base, env: SECRETS };
    const [run, doctor] = await Promise.all([
      new Millrace(['run', 'pipeline.yaml', '--until', 'end', '--profile', `./${n}.yaml`, '--data-dir', `data-${n}`], options).finished,
      new Millrace(['doctor', '--json', '--profile', `./${n}.yaml`], options).finished,
    ]);
    for (const text of [run.stdout, run.stderr, doctor.stdout, doctor.stderr]) for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
    expect([run.code, doctor.code], run.stderr).toEqual([1, 1]);
    const said = complaints(run.stderr);
    expect(said, run.stderr).toHaveLength(1);
    expect(run.stderr).not.toMatch(/^ +at /m);
    expect(existsSync(join(base, 'out'))).toBe(false);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; status: string; message: string }[] };
    const failed = checks.filter(({ name, status }) => name.startsWith('broker') && status === 'fail');
    return { run: said[0] as string, doctor: failed.map(({ message }) => message).join('; ') };
  }

  const tls = ', tls: { ca: ca.pem }';
  const user = (password: string): string => `, sasl: { mechanism: scram-sha-256, username: boss, password: "\${${password}}" }`;

  for (const client of ['fast', 'kafkajs']) {
    test.concurrent(`${client}: nothing listens there`, async () => {
      const { run, doctor } = await refused(['127.0.0.1:1'], '', client);
      expect(run).toMatch(/^millrace: broker_unreachable .*127\.0\.0\.1:1/);
      expect(doctor).toMatch(/refuse|nothing listens|ECONNREFUSED/i);
    });

    test.concurrent(`${client}: another service listens there`, async () => {
      const server = createServer((_, response) => void response.end('hello'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { run, doctor } = await refused([`127.0.0.1:${(server.address() as AddressInfo).port}`], '', client);
        expect(run).toMatch(/^millrace: broker_unreachable /);
        expect(doctor).not.toBe('');
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });

    test.concurrent(`${client}: a wrong password`, async () => {
      const { run, doctor } = await refused(broker.brokers, tls + user('WRONG'), client);
      expect(run).toMatch(/^millrace: authentication_failed /);
      expect(doctor).toMatch(/does not let this user in/);
    });

    test.concurrent(`${client}: a certificate of an authority that is not trusted`, async () => {
      const { run, doctor } = await refused(broker.brokers, `, tls: { ca: other.pem }${user('PASSWORD')}`, client);
      expect(run).toMatch(/^millrace: tls_failed /);
      expect(doctor).toMatch(/is not trusted/);
    });

    test.concurrent(`${client}: TLS where the profile has none`, async () => {
      const { run, doctor } = await refused(broker.brokers, user('PASSWORD'), client);
      expect(run).toMatch(/^millrace: (tls_failed|broker_unreachable) /);
      expect(doctor).toMatch(/speaks TLS/);
    });
  }

  test('none of it has made a topic', async () => {
    const options = { cwd: base, env: SECRETS };
    writeFileSync(join(base, 'good.yaml'), `transport: { type: kafka, brokers: ["${broker.brokers[0]}"]${tls}${user('PASSWORD')} }\n`);
    const { code, stdout } = await new Millrace(['doctor', '--json', '--profile', './good.yaml'], options).finished;
    expect(code, stdout).toBe(0);
    expect(stdout).toContain(', 0 topics,');
  });
});
