import { dirname, resolve } from 'node:path';
import type { Finding } from '@millrace/pipeline/finding.ts';
import { defaultProfile, type Profile } from '@millrace/pipeline/profile.ts';
import { Report } from '@millrace/pipeline/report.ts';
import { readFields } from '@millrace/pipeline/spec/field.ts';
import { parseYaml } from '@millrace/pipeline/yaml/parse.ts';
import { profileFields } from './profile/fields.ts';
import { transportOf } from './profile/kafka.ts';
import { redisOf } from './profile/redis.ts';
import { ProfileFiles } from './profile/secret.ts';
import { httpOf, registryOf } from './profile/services.ts';

interface ProfileFile {
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
  const files = new ProfileFiles(resolve(cwd, dirname(file)), report);
  const { transport, registry, http, checkpoint, memory, log, redis, secrets } = values;
  const path = checkpoint?.values.path?.text;
  const hmac = secrets?.values.hmac;
  const profile: Profile = {
    name,
    transport: transport === undefined ? defaultProfile.transport : transportOf(transport, files, report),
    registry: registry === undefined ? null : registryOf(registry, files, report),
    redis: redis === undefined ? null : redisOf(redis, transport?.values.type ?? defaultProfile.transport.type, files, report),
    http: http === undefined ? null : httpOf(http, files, report),
    checkpoint: { path: path === undefined ? null : resolve(cwd, path), every: checkpoint?.values.every ?? defaultProfile.checkpoint.every },
    parallelism: values.parallelism,
    memory: { state: memory?.values.state ?? defaultProfile.memory.state, inFlight: memory?.values.in_flight ?? defaultProfile.memory.inFlight },
    log: log?.values ?? defaultProfile.log,
    secrets: { hmac: hmac === undefined ? null : files.secret(hmac) },
  };
  return { profile: report.failed ? null : profile, findings: report.findings() };
}
