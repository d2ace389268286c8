import type { KafkaProfile, Profile } from '@millrace/pipeline/profile.ts';
import type { Report } from '@millrace/pipeline/report.ts';
import type { Read } from '@millrace/pipeline/spec/field.ts';
import { entryOf, headOf, type Node } from '@millrace/pipeline/yaml/node.ts';
import { kafkaOnly, type saslFields, type tlsFields, type transportFields } from './fields.ts';
import type { ProfileFiles } from './secret.ts';

/** A transaction that stays open longer is in the way of those who read the topic. */
const LONGEST_COMMIT = 30_000;
/** The brokers' own default, as Kafka's protocol writes it. */
const BROKERS_DEFAULT = -1;

type Transport = Read<typeof transportFields>;

/** What a profile says of its transport. */
export function transportOf(transport: Transport, files: ProfileFiles, report: Report): Profile['transport'] {
  const { values, at } = transport;
  const topics = values.topics?.values;
  const { type } = values;
  const partitions = topics?.partitions ?? 4;
  // a type that was refused is not known: what goes with it cannot be judged
  const known = at.type === undefined || (at.type.kind === 'scalar' && at.type.text === type);
  if (type !== 'kafka' && known) onlyKafka(transport, type, report);
  return { type, partitions, kafka: type === 'kafka' ? kafkaOf(transport, files, report) : null };
}

function onlyKafka({ node, values }: Transport, type: string, report: Report): void {
  const written = kafkaOnly.map((name) => entryOf(node, name));
  const inTopics = ['create', 'replication'].map((name) => (values.topics ? entryOf(values.topics.node, name) : undefined));
  for (const entry of [...written, ...inTopics]) {
    if (entry) report.error(entry.key, 'unused_key', `${entry.key.shown} has no effect with the transport ${type}.`, 'Add type: kafka, or remove it.');
  }
}

function kafkaOf({ values, at, node }: Transport, files: ProfileFiles, report: Report): KafkaProfile | null {
  const { brokers, client, commit_every, topics } = values;
  // kafkajs has no other way, so whoever does not ask for one gets it
  const visibility = at.visibility === undefined && client === 'kafkajs' ? 'transactional' : values.visibility;
  if (at.brokers === undefined) report.error(headOf(node), 'missing_key', 'The transport kafka needs brokers: a list of host:port.');
  if (commit_every > LONGEST_COMMIT)
    report.error(headOf(at.commit_every as Node), 'bad_duration', 'The duration is above 30s.', 'Use 30s or less: an open transaction holds up its readers.');
  if (visibility === 'immediate' && client === 'kafkajs')
    report.error(
      headOf(at.visibility as Node),
      'bad_visibility',
      'kafkajs cannot send records at once: outside a transaction it has no identity that brokers could fence.',
      'Use client: fast, or visibility: transactional.',
    );
  const tls = tlsOf(values.tls, files, report);
  const sasl = values.sasl === undefined ? null : saslOf(values.sasl, files);
  if (values.sasl !== undefined && (at.tls === undefined || values.tls === false)) {
    const what = values.sasl.values.mechanism === 'plain' ? 'The password travels in clear' : 'What proves the password, and every record, travels in clear';
    report.warning(headOf(values.sasl.node), 'cleartext_password', `${what}: sasl without tls.`, 'Add tls: true, unless nobody else is on that network.');
  }
  if (brokers === undefined) return null;
  return {
    brokers: [...new Set(brokers.map((broker) => broker.node.text))],
    client,
    tls,
    sasl,
    visibility,
    commitEvery: commit_every,
    create: topics?.values.create ?? true,
    replication: topics?.values.replication ?? BROKERS_DEFAULT,
    instance: values.instance?.text ?? null,
  };
}

/** null: none is wanted, or what was said is refused. */
export function tlsOf(tls: boolean | Read<typeof tlsFields> | undefined, files: ProfileFiles, report: Report): KafkaProfile['tls'] {
  if (tls === undefined || tls === false) return null;
  if (tls === true) return { ca: null, cert: null, key: null };
  const { ca, cert, key } = tls.values;
  if ((tls.at.cert === undefined) !== (tls.at.key === undefined)) {
    const [has, lacks] = tls.at.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    report.error(headOf(tls.node), 'missing_key', `tls has ${has} and no ${lacks}.`, `Add ${lacks}, or leave both out.`);
  }
  const certificate = cert === undefined ? null : files.certificates(cert);
  return {
    ca: ca === undefined ? null : files.certificates(ca),
    cert: certificate,
    key: key === undefined ? null : files.privateKey(key, certificate),
  };
}

function saslOf({ values }: Read<typeof saslFields>, files: ProfileFiles): KafkaProfile['sasl'] {
  // what is refused has been reported, so that this profile is not used
  return { mechanism: values.mechanism, username: values.username.text, password: files.secret(values.password) ?? '' };
}
