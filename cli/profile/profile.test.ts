import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate } from '@millrace/runtime/certificate.case.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProfile } from '../profile-file.ts';

let dir = '';
const certificate = testCertificate({ hosts: ['localhost'] });
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-profile-'));
  writeFileSync(join(dir, 'ca.pem'), certificate.cert);
  writeFileSync(join(dir, 'key.pem'), certificate.key);
  writeFileSync(join(dir, 'other.pem'), testCertificate({ hosts: ['localhost'] }).key);
  writeFileSync(join(dir, 'password'), 'hush\n');
  writeFileSync(join(dir, 'blank'), '\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const env = { PASSWORD: 'hush', EMPTY: '', BROKER: 'secret-host:9092' };
const read = (yaml: string) => readProfile(yaml, { file: join(dir, 'p.yaml'), name: 'p', env, cwd: '/' });
const told = (yaml: string): string[] =>
  read(yaml).findings.map(({ line, col, code, severity }) => `${line}:${col} ${code}${severity === 'error' ? '' : ` (${severity})`}`);
const kafka = (more: string): string => `transport: { type: kafka, brokers: [a:1], ${more} }`;

describe('a profile of Kafka', () => {
  test('with nothing but brokers', () => {
    const { profile, findings } = read('transport: { type: kafka, brokers: [localhost:9092, "[::1]:9093", localhost:9092] }');
    expect(findings).toEqual([]);
    expect(profile?.transport).toEqual({
      type: 'kafka',
      partitions: 4,
      kafka: {
        brokers: ['localhost:9092', '[::1]:9093'],
        client: 'fast',
        tls: null,
        sasl: null,
        visibility: 'immediate',
        commitEvery: 100,
        create: true,
        replication: -1,
        instance: null,
      },
    });
  });

  test('records leave at once, where the client can do that', () => {
    const visibility = (more: string) => read(kafka(more)).profile?.transport.kafka?.visibility;
    expect(visibility('')).toBe('immediate');
    expect(visibility('client: fast')).toBe('immediate');
    expect(visibility('client: fast, visibility: transactional')).toBe('transactional');
    expect(visibility('client: kafkajs')).toBe('transactional');
  });

  test('with everything', () => {
    const { profile, findings } = read(`transport:
  type: kafka
  brokers: [a.example:9092]
  client: kafkajs
  tls: { ca: ca.pem, cert: ca.pem, key: key.pem }
  sasl: { mechanism: scram-sha-512, username: me, password: "\${PASSWORD}" }
  visibility: transactional
  commit_every: 20ms
  topics: { create: false, partitions: 7, replication: 3 }
registry: { url: "https://registry.example/base/", username: me, password: file:password, ca: ca.pem }
http: { listen: "[::1]:0", token: "\${PASSWORD}" }
`);
    expect(findings).toEqual([]);
    expect(profile).toMatchObject({
      transport: {
        type: 'kafka',
        partitions: 7,
        kafka: {
          brokers: ['a.example:9092'],
          client: 'kafkajs',
          tls: { ca: certificate.cert, cert: certificate.cert, key: certificate.key },
          sasl: { mechanism: 'scram-sha-512', username: 'me', password: 'hush' },
          visibility: 'transactional',
          commitEvery: 20,
          create: false,
          replication: 3,
          instance: null,
        },
      },
      registry: { url: 'https://registry.example/base', username: 'me', password: 'hush', ca: certificate.cert },
      http: { host: '::1', port: 0, token: 'hush' },
    });
  });

  test('TLS by the authorities of the system, or none', () => {
    expect(read(kafka('tls: true')).profile?.transport.kafka?.tls).toEqual({ ca: null, cert: null, key: null });
    expect(read(kafka('tls: false')).profile?.transport.kafka?.tls).toBeNull();
    expect(read(kafka('tls: { }')).profile?.transport.kafka?.tls).toEqual({ ca: null, cert: null, key: null });
  });

  test.each([
    ['transport: { type: kafka }', ['1:12 missing_key']],
    ['transport: { type: kafka, brokers: [] }', ['1:36 wrong_type']],
    ['transport: { type: kafka, brokers: a:1 }', ['1:36 wrong_type']],
    [
      'transport: { type: kafka, brokers: [a, "b:0", "c:65536", "kafka://d:1", "e:1,f:1", ":9", 7] }',
      ['1:37 bad_address', '1:40 bad_address', '1:47 bad_address', '1:58 bad_address', '1:73 bad_address', '1:84 bad_address', '1:90 wrong_type'],
    ],
    ['transport: { type: kafka, borkers: [a:1] }', ['1:12 missing_key', '1:27 unknown_key']],
    [kafka('client: librdkafka'), ['1:51 bad_enum']],
    [kafka('visibility: immediate'), []],
    [kafka('client: kafkajs, visibility: immediate'), ['1:72 bad_visibility']],
    [kafka('visibility: seen'), ['1:55 bad_enum']],
    [kafka('commit_every: 0ms'), ['1:57 bad_duration']],
    [kafka('commit_every: 100'), ['1:57 bad_duration']],
    [kafka('commit_every: 31s'), ['1:57 bad_duration']],
    [kafka('instance: mill-1'), []],
    [kafka('instance: "mill 1"'), ['1:53 bad_name']],
    [kafka('instance: ..'), ['1:53 bad_name']],
    [kafka('topics: { create: maybe, partitions: 0, replication: 0 }'), ['1:61 wrong_type', '1:80 bad_number', '1:96 bad_number']],
    [kafka('tls: yes-please'), ['1:48 wrong_type']],
    [kafka('tls: { ca: none.pem }'), ['1:54 unreadable_file']],
    [kafka('tls: { ca: key.pem }'), ['1:54 bad_certificate']],
    [kafka('tls: { cert: ca.pem }'), ['1:48 missing_key']],
    [kafka('tls: { key: key.pem }'), ['1:48 missing_key']],
    [kafka('tls: { cert: ca.pem, key: ca.pem }'), ['1:69 bad_certificate']],
    [kafka('tls: { cert: ca.pem, key: other.pem }'), ['1:69 bad_certificate']],
    [kafka('tls: true, sasl: { mechanism: gssapi, username: a, password: "${PASSWORD}" }'), ['1:73 bad_enum']],
    [kafka('tls: true, sasl: { mechanism: plain }'), ['1:60 missing_key', '1:60 missing_key']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: hush }'), ['1:103 literal_secret']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: "${PASSWORD:-hush}" }'), ['1:103 literal_secret']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: "$${PASSWORD}" }'), ['1:103 literal_secret']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: "${EMPTY}" }'), ['1:103 empty_secret']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: file:blank }'), ['1:103 empty_secret']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: file:none }'), ['1:103 unreadable_file']],
    [kafka('tls: true, sasl: { mechanism: plain, username: a, password: "${UNSET}" }'), ['1:104 undefined_variable']],
    [kafka('sasl: { mechanism: plain, username: a, password: "${PASSWORD}" }'), ['1:49 cleartext_password (warning)']],
    [kafka('tls: false, sasl: { mechanism: plain, username: a, password: "${PASSWORD}" }'), ['1:61 cleartext_password (warning)']],
  ])('%s', (yaml, expected) => expect(told(yaml)).toEqual(expected));

  test('its keys mean nothing without it', () => {
    const keys =
      'brokers: [a:1], client: fast, tls: true, visibility: transactional, commit_every: 1s, topics: { create: true, replication: 1, partitions: 2 }';
    for (const type of ['', 'type: embedded, ', 'type: memory, ']) {
      const { findings, profile } = read(`transport: { ${type}${keys} }`);
      expect(profile).toBeNull();
      expect(findings.map(({ code, message }) => `${code} ${message.split(' ')[0]}`)).toEqual(
        ['brokers', 'client', 'tls', 'visibility', 'commit_every', 'create', 'replication'].map((key) => `unused_key ${key}`),
      );
    }
    // of a type that is misspelt nobody knows
    expect(told('transport: { type: kafak, brokers: [a:1] }')).toEqual(['1:20 bad_enum']);
    expect(read('transport: { type: kafak }').findings[0].hint).toBe('Did you mean kafka?');
  });
});

describe('a registry', () => {
  test.each([
    ['registry: { }', ['1:11 missing_key']],
    ['registry: { url: "localhost:8081" }', ['1:18 bad_url']],
    ['registry: { url: "ftp://a" }', ['1:18 bad_url']],
    ['registry: { url: "http://a/?b" }', ['1:18 bad_url']],
    ['registry: { url: "http://me:hush@a" }', ['1:18 literal_secret']],
    ['registry: { url: "http://a", usr: me }', ['1:30 unknown_key']],
    ['registry: { url: "http://a", username: me }', ['1:11 missing_key']],
    ['registry: { url: "https://a", password: "${PASSWORD}" }', ['1:11 missing_key']],
    ['registry: { url: "https://a", username: me, password: hush }', ['1:55 literal_secret']],
    ['registry: { url: "http://a", username: me, password: "${PASSWORD}" }', ['1:54 cleartext_password (warning)']],
    ['registry: { url: "http://127.0.0.1", username: me, password: "${PASSWORD}" }', []],
    ['registry: { url: "http://a", ca: ca.pem }', ['1:34 unused_key']],
    ['registry: { url: "https://a", ca: none.pem }', ['1:35 unreadable_file']],
    ['registry: localhost', ['1:11 wrong_type']],
  ])('%s', (yaml, expected) => expect(told(yaml)).toEqual(expected));
});

describe('Redis', () => {
  test('with nothing but a URL', () => {
    const nothing = { host: 'localhost', port: 6379, db: 0, username: null, password: null, tls: null };
    expect(read('redis: { url: "redis://localhost" }')).toMatchObject({ findings: [], profile: { redis: nothing } });
    expect(read('redis: { url: "redis://[::1]:7000/3" }').profile?.redis).toEqual({ ...nothing, host: '::1', port: 7000, db: 3 });
    expect(read('redis: { url: "rediss://localhost" }').profile?.redis?.tls).toEqual({ ca: null, cert: null, key: null });
  });
  test('with everything', () => {
    const { profile, findings } = read(
      'redis: { url: "rediss://r.example:1", username: me, password: "${PASSWORD}", tls: { ca: ca.pem, cert: ca.pem, key: key.pem } }',
    );
    expect(findings).toEqual([]);
    const tls = { ca: certificate.cert, cert: certificate.cert, key: certificate.key };
    expect(profile?.redis).toEqual({ host: 'r.example', port: 1, db: 0, username: 'me', password: 'hush', tls });
  });
  test.each([
    ['redis: { }', ['1:8 missing_key']],
    ['redis: { url: "localhost:6379" }', ['1:15 bad_url']],
    ['redis: { url: "http://localhost" }', ['1:15 bad_url']],
    ['redis: { url: "redis://" }', ['1:15 bad_url']],
    ['redis: { url: "redis://a:0" }', ['1:15 bad_url']],
    ['redis: { url: "redis://a/x" }', ['1:15 bad_url']],
    ['redis: { url: "redis://a?db=1" }', ['1:15 bad_url']],
    ['redis: { url: "redis://:hush@a" }', ['1:15 literal_secret']],
    ['redis: { url: "redis://a", password: hush }', ['1:38 cleartext_password (warning)', '1:38 literal_secret']],
    ['redis: { url: "redis://a", username: me }', ['1:8 missing_key']],
    ['redis: { url: "rediss://a", tls: false }', ['1:34 unused_key']],
    ['redis: { url: "rediss://a", tls: { ca: none.pem } }', ['1:40 unreadable_file']],
    ['redis: { url: "redis://a", password: "${PASSWORD}" }', ['1:38 cleartext_password (warning)']],
    ['redis: { url: "redis://127.0.0.1", password: "${PASSWORD}" }', []],
    ['redis: { url: "redis://a", pasword: "${PASSWORD}" }', ['1:28 unknown_key']],
    ['transport: { type: memory }\nredis: { url: "redis://a" }', ['2:8 unused_key']],
  ])('%s', (yaml, expected) => expect(told(yaml)).toEqual(expected));
});

describe('the status page', () => {
  test('without a token', () => {
    expect(read('http: { listen: 127.0.0.1:8088, token: "${EMPTY:-}" }')).toMatchObject({
      profile: { http: { host: '127.0.0.1', port: 8088, token: null } },
      findings: [],
    });
  });
  test.each([
    ['http: { }', ['1:7 missing_key']],
    ['http: { listen: 8088 }', ['1:17 wrong_type']],
    ['http: { listen: "localhost:65536" }', ['1:17 bad_address']],
    ['http: { listen: localhost:1, token: hush }', ['1:37 literal_secret']],
    ['http: { listen: 0.0.0.0:8088 }', ['1:17 open_address']],
    ['http: { listen: 0.0.0.0:8088, token: "${EMPTY:-}" }', ['1:17 open_address']],
    ['http: { listen: 0.0.0.0:8088, token: "${PASSWORD}" }', []],
    ['http: { listen: my-machine:8088 }', []],
  ])('%s', (yaml, expected) => expect(told(yaml)).toEqual(expected));
});

test('everything at once, and nothing of what variables hold', () => {
  const { findings } =
    read(`transport: { type: kafka, brokers: ["\${BROKER}", "\${PASSWORD}"], sasl: { mechanism: plain, username: a, password: "\${PASSWORD}" } }
registry: { url: "\${PASSWORD}" }
http: { listen: "\${PASSWORD}", token: "x\${PASSWORD}" }
redis: { url: "\${PASSWORD}" }
`);
  expect(findings.map(({ line, code }) => `${line} ${code}`)).toEqual(['1 bad_address', '1 cleartext_password', '2 bad_url', '3 bad_address', '4 bad_url']);
  expect(JSON.stringify(findings)).not.toMatch(/hush|secret-host/);
});
