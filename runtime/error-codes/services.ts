import type { ErrorEntry } from './entry.ts';

/** What stops a run: brokers, a registry, Redis and its jobs. */
export const servicesErrors = {
  // run: shared-schemas/registry
  registry_refused: {
    kind: 'run',
    meaning: 'The schema registry refused a request, and trying again would not help.',
    hint: "Check the profile's registry: url, username, password and ca.",
  },
  registry_unreachable: {
    kind: 'run',
    meaning: 'The schema registry did not answer in time.',
    hint: "Check the profile's registry: url and that it runs; nothing committed is lost, start again when it does.",
    retryable: true,
  },
  // run: transport/kafka
  authentication_failed: {
    kind: 'run',
    meaning: 'A Kafka broker does not accept the user name and password, or not the SASL mechanism.',
    hint: "Check the profile's sasl: mechanism, username and password.",
  },
  broker_refused: {
    kind: 'run',
    meaning: 'A Kafka broker refused a request, and trying again would not help.',
    hint: "The message has Kafka's own name of the error: look it up in Kafka's protocol guide, and in the broker's log.",
  },
  broker_unreachable: {
    kind: 'run',
    meaning: 'No Kafka broker answered in time.',
    hint: "Check the profile's brokers: and that they run; nothing committed is lost, start again when they do.",
    retryable: true,
  },
  message_too_large: {
    kind: 'run',
    meaning: 'A record, or a batch of records, is larger than the topic allows.',
    hint: 'Raise max.message.bytes of the topic, or make the records smaller.',
  },
  not_authorized: {
    kind: 'run',
    meaning: 'The Kafka user may not do what was asked.',
    hint: 'Give the user the rights that the message names (kafka-acls), on the topic or the transactional id.',
  },
  tls_failed: {
    kind: 'run',
    meaning: 'No TLS connection to a Kafka broker could be made, or one side speaks TLS and the other does not.',
    hint: "Check the profile's tls: the authority's certificate, the client's certificate and key, the host name.",
  },
  // run: analyzer/jobs
  redis_unreachable: {
    kind: 'run',
    meaning: 'Redis does not answer when a run starts.',
    hint: "Check that it runs, and the profile's redis: url and tls. Without redis in the profile batches run in one process.",
    retryable: true,
  },
  redis_refused: {
    kind: 'run',
    meaning: 'Redis does not take the user or the password.',
    hint: "Check the profile's redis: username and password.",
  },
  redis_too_old: { kind: 'run', meaning: 'The Redis server is older than the job library can use.', hint: 'Use Redis 6.2 or newer.' },
  parts_missing: {
    kind: 'run',
    meaning: 'Workers say that they have done their part of a batch, and it is not in the data directory.',
    hint: 'Give the workers the same data directory as the analyzer: a shared one, when they are on other machines.',
  },
} as const satisfies Record<string, ErrorEntry>;
