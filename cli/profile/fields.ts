import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { type Fields, optional, required, withDefault } from '@millrace/pipeline/spec/field.ts';
import { duration, flag, listOf, number, object, oneOf, orScalar, pattern, size, text } from '@millrace/pipeline/spec/kinds.ts';
import { address, redisUrl, serviceUrl } from './address.ts';

const MAX_PARTITIONS = 1024;
const MAX_REPLICATION = 100;

const secret = (doc: string) => optional(text('a secret'), `${doc}: "\${NAME}", or file:PATH relative to the profile`);

export const topicFields = {
  partitions: withDefault(
    number({ min: 1, max: MAX_PARTITIONS, integer: true }),
    defaultProfile.transport.partitions,
    String(defaultProfile.transport.partitions),
    'partitions of topics and exchanges that are made',
  ),
  create: withDefault(flag(), true, 'true', 'kafka: whether topics that are missing are made; else a missing one ends the run'),
  replication: optional(number({ min: 1, max: MAX_REPLICATION, integer: true }), "kafka: copies of topics that are made; left out, the brokers' own default"),
} satisfies Fields;

export const tlsFields = {
  ca: optional(text('a PEM file'), "certificates of the authority, relative to the profile; left out, the system's"),
  cert: optional(text('a PEM file'), 'certificate of the client, relative to the profile'),
  key: optional(text('a PEM file'), 'its private key, unencrypted, relative to the profile'),
} satisfies Fields;

export const saslFields = {
  mechanism: required(oneOf(['plain', 'scram-sha-256', 'scram-sha-512']), 'how the client proves who it is'),
  username: required(text('a name'), 'the principal'),
  password: required(text('a secret'), '"${NAME}", or file:PATH relative to the profile'),
} satisfies Fields;

export const transportFields = {
  type: withDefault(oneOf(['embedded', 'kafka', 'memory']), defaultProfile.transport.type, 'embedded', 'what records travel on'),
  brokers: optional(
    listOf(address('a broker as host:port', 'localhost:9092', 1), 'a list of brokers as host:port'),
    'kafka: where to ask first; the others are found',
  ),
  client: withDefault(oneOf(['fast', 'kafkajs']), 'fast', 'fast', 'kafka: the client library'),
  tls: optional(orScalar(object('tls', tlsFields), flag()), 'kafka: encrypted connections'),
  sasl: optional(object('sasl', saslFields), 'kafka: user and password'),
  visibility: withDefault(
    oneOf(['transactional', 'immediate']),
    'immediate',
    'immediate',
    'kafka: when others see an output: at once, or with its transaction, read committed; with client: kafkajs always the latter',
  ),
  commit_every: withDefault(
    duration({ min: 1 }),
    100,
    '100ms',
    'kafka: the longest time between commits, at most 30s; a hop over an exchange takes about half of it',
  ),
  instance: optional(
    pattern(
      'the name of an instance',
      /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}$/,
      'An instance is named with letters, digits, ".", "_" and "-", at most 200 of them.',
    ),
    'kafka: the name of this process among those that share the pipeline, kept over restarts; left out, one made of machine and data directory',
  ),
  topics: optional(object('topics', topicFields), 'topics that are made'),
} satisfies Fields;

/** Keys of `transport` that only Kafka has. */
export const kafkaOnly = ['brokers', 'client', 'tls', 'sasl', 'visibility', 'commit_every', 'instance'] as const;

export const registryFields = {
  url: required(serviceUrl, 'http or https'),
  username: optional(text('a name'), 'for basic authentication'),
  password: secret('its password'),
  ca: optional(text('a PEM file'), "https: certificates of the authority, relative to the profile; left out, the system's"),
} satisfies Fields;

export const redisFields = {
  url: required(redisUrl, 'redis:// or rediss:// (TLS), a host, and where they are not 6379 and 0 a port and a database'),
  username: optional(text('a name'), 'the user; left out, the default user'),
  password: secret('its password'),
  tls: optional(orScalar(object('tls', tlsFields), flag()), 'encrypted connections'),
} satisfies Fields;

export const httpFields = {
  listen: required(address('an address as host:port', '127.0.0.1:8088', 0), 'where the status page listens; port 0 takes any that is free'),
  token: secret('what a caller has to bring; empty or left out, nothing'),
} satisfies Fields;

export const checkpointFields = {
  path: optional(text('a directory'), 'the data directory, relative to where the command runs; --data-dir wins over it'),
  every: withDefault(duration({ min: 1 }), defaultProfile.checkpoint.every, '10s', 'the longest time between snapshots'),
} satisfies Fields;

export const memoryFields = {
  state: withDefault(size(), defaultProfile.memory.state, '512MiB', 'keyed state held in memory'),
  in_flight: withDefault(size(), defaultProfile.memory.inFlight, '32MiB', 'records between their source and a commit'),
} satisfies Fields;

export const logFields = {
  level: withDefault(oneOf(['debug', 'info', 'warn', 'error']), defaultProfile.log.level, 'info', 'what is worth a line'),
  format: withDefault(oneOf(['pretty', 'json']), defaultProfile.log.format, 'pretty', 'lines for people, or one JSON object each'),
} satisfies Fields;

export const secretFields = {
  hmac: secret('the key of hmac()'),
} satisfies Fields;

/** Every key of a profile: what reads it and its page are both made of these. */
export const profileFields = {
  transport: optional(object('transport', transportFields), 'what records travel on'),
  registry: optional(
    object('registry', registryFields),
    "a schema registry that speaks Confluent's protocol; left out, schemas are kept in the data directory, on Kafka in the cluster's catalog",
  ),
  checkpoint: optional(object('checkpoint', checkpointFields), 'where state is kept, and how often it is saved'),
  parallelism: withDefault(number({ min: 1, max: 256, integer: true }), defaultProfile.parallelism, '1', 'threads of the process'),
  memory: optional(object('memory', memoryFields), 'budgets'),
  http: optional(object('http', httpFields), 'the status page'),
  log: optional(object('log', logFields), 'messages on stderr'),
  secrets: optional(object('secrets', secretFields), 'keys that no file should hold'),
  redis: optional(object('redis', redisFields), "where the analyzer's batches are handed out to workers (millrace worker)"),
} satisfies Fields;
