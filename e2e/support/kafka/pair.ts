import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { succeed } from '../cli.ts';
import type { Answer, Scenario } from '../kills.ts';
import { type ForeignRecord, LAST, makeTopics, produce, readCommitted } from './foreign.ts';
import { readEmbedded, readKafka } from './logs.ts';

/** One pipeline in both worlds: run once embedded and undisturbed, and then on a broker, under other names, whatever happens to it. */
export interface Pair {
  readonly name: string;
  /** the pipeline file, whose name and topics all begin with the tag */
  readonly yaml: (tag: string) => string;
  /** writes inputs beside the pipeline file, and those topics that it reads into the data directory */
  readonly prepare: (dir: string, dataDir: string, tag: string) => Promise<void>;
  /** topics that it reads and that it writes, without the tag; and files that it writes */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly files: readonly string[];
}

export interface Laid {
  readonly pair: Pair;
  /** holds the inputs; runs start from copies */
  readonly template: string;
  readonly expected: Answer;
  /** what the run printed with --json */
  readonly stdout: string;
  readonly inputs: ReadonlyMap<string, readonly ForeignRecord[]>;
}

export interface ProfileOptions {
  readonly client?: 'fast' | 'kafkajs';
  /** ms */
  readonly commitEvery?: number;
  readonly checkpointEvery?: number;
  readonly create?: boolean;
  /** copies of what is made, the inputs too */
  readonly replication?: number;
  /** more of `transport`, such as `tls: true` */
  readonly more?: string;
}

const EMBEDDED = 'base';

export function kafkaProfile(
  brokers: readonly string[],
  { client = 'fast', commitEvery = 20, checkpointEvery = 150, create = true, replication = 1, more }: ProfileOptions = {},
): string {
  const list = brokers.map((broker) => JSON.stringify(broker)).join(', ');
  const transport = [
    'type: kafka',
    `brokers: [${list}]`,
    `client: ${client}`,
    // what these suites are about, whatever the default is
    ...(more?.includes('visibility:') ? [] : ['visibility: transactional']),
    `commit_every: ${commitEvery}ms`,
    `topics: { create: ${create}, partitions: 4, replication: ${replication} }`,
    ...(more === undefined ? [] : [more]),
  ];
  return `transport: { ${transport.join(', ')} }\ncheckpoint: { every: ${checkpointEvery}ms }\n`;
}

const textOf = (value: Buffer | string | null | undefined): string => (value === null || value === undefined ? '' : value.toString());

/** Sorted lines of topics, without heartbeats and without the tag: equal exactly when the multisets are. */
function linesOf(records: readonly ForeignRecord[], tag: string): string[] {
  return records
    .filter(({ key, value, headers }) => (value !== null || !('m' in headers)) && key?.toString() !== LAST)
    .map(({ partition, key, value, headers }) => {
      const errors = ['code', 'step', 'topic', 'partition', 'offset'].map((name) => textOf(headers[`error.${name}`]).replace(`${tag}.`, ''));
      // the id of a schema is another where its registry is another
      const framed = value !== null && value.length > 5 && value[0] === 0;
      return JSON.stringify([partition, key?.toString('latin1'), (framed ? value.subarray(5) : value)?.toString('latin1'), errors.join(' ').trim()]);
    })
    .sort();
}

function topicAnswer(topics: ReadonlyMap<string, readonly ForeignRecord[]>, tag: string): Answer {
  return Object.fromEntries([...topics].map(([topic, records]) => [topic.slice(tag.length + 1), linesOf(records, tag)]));
}

function fileAnswer(pair: Pair, dir: string): Answer {
  const lines = (file: string): string[] => (existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8').split('\n').filter(Boolean).sort() : []);
  return Object.fromEntries(pair.files.map((file) => [file, lines(file)]));
}

function tagged(topics: readonly string[], tag: string): string[] {
  return topics.map((topic) => `${tag}.${topic}`);
}

/** Makes the inputs, and runs the pipeline embedded. */
export async function layPair(pair: Pair, base: string): Promise<Laid> {
  const template = join(base, `${pair.name}-template`);
  mkdirSync(template, { recursive: true });
  await pair.prepare(template, join(template, 'data'), EMBEDDED);
  const dir = join(base, `${pair.name}-embedded`);
  cpSync(template, dir, { recursive: true, preserveTimestamps: true });
  writeFileSync(join(dir, 'pipeline.yaml'), pair.yaml(EMBEDDED));
  const stdout = await succeed(['run', 'pipeline.yaml', '--until', 'end', '--data-dir', 'data', '--json'], { cwd: dir });
  const topics = await readEmbedded(join(dir, 'data'), tagged(pair.outputs, EMBEDDED));
  const inputs = await readEmbedded(join(dir, 'data'), tagged(pair.inputs, EMBEDDED));
  const expected = { ...fileAnswer(pair, dir), ...topicAnswer(topics, EMBEDDED) };
  // Avro inputs were written with the ids of this directory
  if (existsSync(join(dir, 'data/schemas'))) cpSync(join(dir, 'data/schemas'), join(template, 'data/schemas'), { recursive: true });
  rmSync(dir, { recursive: true });
  const short = new Map([...inputs].map(([topic, records]) => [topic.slice(EMBEDDED.length + 1), records]));
  return { pair, template, expected, stdout, inputs: short };
}

/** A directory from which the pipeline runs on a broker that holds its inputs. */
export async function onKafka(
  { pair, template, inputs }: Laid,
  brokers: readonly string[],
  dir: string,
  tag: string,
  profile?: ProfileOptions,
): Promise<Scenario> {
  cpSync(template, dir, { recursive: true, preserveTimestamps: true, filter: (path) => !path.includes('.mdb') });
  writeFileSync(join(dir, 'pipeline.yaml'), pair.yaml(tag));
  writeFileSync(join(dir, 'kafka.yaml'), kafkaProfile(brokers, profile));
  for (const [topic, records] of inputs) {
    const partitions = records.reduce((most, { partition }) => Math.max(most, partition + 1), 0);
    await makeTopics(brokers, [{ topic: `${tag}.${topic}`, numPartitions: partitions, replicationFactor: profile?.replication ?? 1 }]);
    await produce(brokers, `${tag}.${topic}`, records);
  }
  return { name: tag, yaml: '', prepare: async () => {}, files: pair.files, topics: [], args: ['--profile', 'kafka.yaml'] };
}

/** What a run on a broker has left, as our own reader sees it, and as a foreign one does. */
export async function kafkaAnswers(
  pair: Pair,
  brokers: readonly string[],
  dir: string,
  tag: string,
  client: 'fast' | 'kafkajs' = 'fast',
): Promise<{ own: Answer; foreign: Answer }> {
  const topics = tagged(pair.outputs, tag);
  const files = fileAnswer(pair, dir);
  const own = topicAnswer(await readKafka(brokers, client, topics), tag);
  const foreign = topicAnswer(await readCommitted(brokers, topics), tag);
  return { own: { ...files, ...own }, foreign: { ...files, ...foreign } };
}
