import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Finding } from '@millrace/pipeline/finding.ts';
import { defaultProfile, type Profile } from '@millrace/pipeline/profile.ts';
import { Report } from '@millrace/pipeline/report.ts';
import { type Fields, optional, readFields, withDefault } from '@millrace/pipeline/spec/field.ts';
import { duration, notYet, number, object, oneOf, size, text } from '@millrace/pipeline/spec/kinds.ts';
import type { ScalarNode } from '@millrace/pipeline/yaml/node.ts';
import { parseYaml } from '@millrace/pipeline/yaml/parse.ts';

const MAX_PARTITIONS = 1024;

const topics = {
  partitions: optional(number({ min: 1, max: MAX_PARTITIONS, integer: true }), 'partitions of topics and exchanges that are made'),
} satisfies Fields;

const transport = {
  type: withDefault(oneOf(['embedded', 'memory'], ['kafka']), defaultProfile.transport.type, 'embedded', 'what records travel on'),
  topics: optional(object('topics', topics), 'topics that are made'),
} satisfies Fields;

const checkpoint = {
  path: optional(text('a directory'), 'the data directory, relative to where the command runs; --data-dir wins over it'),
  every: optional(duration({ min: 1 }), 'the longest time between snapshots'),
} satisfies Fields;

const memory = {
  state: optional(size(), 'keyed state held in memory'),
  in_flight: optional(size(), 'records between their source and a commit'),
} satisfies Fields;

const log = {
  level: withDefault(oneOf(['debug', 'info', 'warn', 'error']), defaultProfile.log.level, 'info', 'what is worth a line'),
  format: withDefault(oneOf(['pretty', 'json']), defaultProfile.log.format, 'pretty', 'lines for people, or one JSON object each'),
} satisfies Fields;

const secrets = {
  hmac: optional(text('a secret'), 'the key of hmac(): "${VAR}", or file:PATH relative to the profile'),
} satisfies Fields;

const profileFields = {
  transport: optional(object('transport', transport), 'what records travel on'),
  checkpoint: optional(object('checkpoint', checkpoint), 'where state is kept, and how often it is saved'),
  parallelism: withDefault(number({ min: 1, max: 256, integer: true }), defaultProfile.parallelism, '1', 'threads of the process'),
  memory: optional(object('memory', memory), 'budgets'),
  log: optional(object('log', log), 'messages on stderr'),
  secrets: optional(object('secrets', secrets), 'keys that no file should hold'),
  registry: optional(notYet('A schema registry'), 'where schemas are kept'),
  redis: optional(notYet('Redis'), 'where batches are shared out'),
  http: optional(notYet('The status page'), 'where the status page listens'),
} satisfies Fields;

export interface ProfileFile {
  /** as findings name it */
  readonly file: string;
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Reads a profile, with everything wrong in it at once. An empty file is the defaults. */
export function readProfile(yaml: string, { file, name, env, cwd }: ProfileFile): { profile: Profile | null; findings: Finding[] } {
  const report = new Report(file, yaml);
  if (/^(\s*(#.*)?\n?)*$/.test(yaml)) return { profile: { ...defaultProfile, name }, findings: [] };
  const root = parseYaml(yaml, env, report);
  const values = root === null ? undefined : readFields(root, profileFields, report, 'A profile')?.values;
  if (!values) return { profile: null, findings: report.findings() };
  const path = values.checkpoint?.values.path?.text;
  const hmac = values.secrets?.values.hmac;
  const profile: Profile = {
    name,
    transport: {
      type: values.transport?.values.type ?? defaultProfile.transport.type,
      partitions: values.transport?.values.topics?.values.partitions ?? defaultProfile.transport.partitions,
      kafka: null,
    },
    registry: null,
    http: null,
    checkpoint: { path: path === undefined ? null : resolve(cwd, path), every: values.checkpoint?.values.every ?? defaultProfile.checkpoint.every },
    parallelism: values.parallelism,
    memory: { state: values.memory?.values.state ?? defaultProfile.memory.state, inFlight: values.memory?.values.in_flight ?? defaultProfile.memory.inFlight },
    log: { level: values.log?.values.level ?? defaultProfile.log.level, format: values.log?.values.format ?? defaultProfile.log.format },
    secrets: { hmac: hmac === undefined ? null : secretOf(hmac, resolve(cwd, dirname(file)), report) },
  };
  return { profile: report.failed ? null : profile, findings: report.findings() };
}

/** The secret itself, from a variable or a file; `file:PATH` is read, without its last line break. */
function secretOf(node: ScalarNode, dir: string, report: Report): string | null {
  if (!node.text.startsWith('file:')) {
    if (!node.shown.includes('${')) report.error(node, 'literal_secret', 'The secret itself stands in the file.', 'Write "${NAME}" or file:PATH.');
    return node.text;
  }
  try {
    return readFileSync(resolve(dir, node.text.slice('file:'.length)), 'utf8').replace(/\r?\n$/, '');
  } catch {
    report.error(node, 'unreadable_file', `The file of the secret cannot be read: ${node.shown}`, 'Check the path: it is relative to the profile.');
    return null;
  }
}
