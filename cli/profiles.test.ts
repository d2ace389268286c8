import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FindingsError } from './checked.ts';
import type { Host } from './command.ts';
import { readProfile } from './profile-file.ts';
import { resolveProfile } from './profiles.ts';

const read = (yaml: string, env: Record<string, string> = {}) => readProfile(yaml, { file: 'profiles/p.yaml', name: 'p', env, cwd: '/work dir' });

describe('a profile', () => {
  test('with nothing in it is the defaults', () => {
    for (const yaml of ['', '# nothing\n\n']) expect(read(yaml)).toEqual({ profile: { ...defaultProfile, name: 'p' }, findings: [] });
  });

  test('says where and how', () => {
    const { profile, findings } = read(
      `transport: { type: memory, topics: { partitions: 2 } }
checkpoint: { path: data, every: 2s }
parallelism: 3
memory: { state: 1GiB, in_flight: 1MiB }
log: { level: warn, format: json }
secrets: { hmac: "\${KEY}" }
`,
      { KEY: 'hush' },
    );
    expect(findings).toEqual([]);
    expect(profile).toEqual({
      name: 'p',
      transport: { type: 'memory', partitions: 2, kafka: null },
      registry: null,
      redis: null,
      http: null,
      checkpoint: { path: '/work dir/data', every: 2000 },
      parallelism: 3,
      memory: { state: 2 ** 30, inFlight: 2 ** 20 },
      log: { level: 'warn', format: 'json' },
      secrets: { hmac: 'hush' },
    });
  });

  test('is linted like a pipeline, all at once, and tells no secret', () => {
    const { profile, findings } = read(
      `transport: { type: kafka }\nparalelism: 2\ncheckpoint: { every: 10 }\nsecrets: { hmac: "\${NONE}" }\nlog: { level: loud }\n`,
      { OTHER: 'hush' },
    );
    expect(profile).toBeNull();
    expect(findings.map(({ file, line, col, code }) => `${file}:${line}:${col} ${code}`)).toEqual([
      'profiles/p.yaml:1:12 missing_key',
      'profiles/p.yaml:2:1 unknown_key',
      'profiles/p.yaml:3:22 bad_duration',
      'profiles/p.yaml:4:19 undefined_variable',
      'profiles/p.yaml:5:15 bad_enum',
    ]);
    expect(JSON.stringify(findings)).not.toContain('hush');
  });

  test('reads a secret from a file beside it', () => {
    expect(read('secrets: { hmac: hush }')).toMatchObject({ profile: null, findings: [{ code: 'literal_secret', line: 1, col: 18 }] });
    expect(read('secrets: { hmac: "file:none" }').findings).toMatchObject([{ code: 'unreadable_file' }]);
  });
});

describe('which profile is meant', () => {
  let cwd = '';
  const host = (): Host => ({ cwd, env: {} }) as unknown as Host;
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'millrace-profiles-'));
    mkdirSync(join(cwd, 'profiles'));
    mkdirSync(join(cwd, 'app', 'profiles'), { recursive: true });
    writeFileSync(join(cwd, 'profiles', 'production.yaml'), 'parallelism: 2\nsecrets: { hmac: "file:key" }\n');
    writeFileSync(join(cwd, 'profiles', 'key'), 'hush\n');
    writeFileSync(join(cwd, 'app', 'profiles', 'small.yaml'), 'parallelism: 1\n');
    writeFileSync(join(cwd, 'wrong.yaml'), 'paralelism: 1\n');
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  test('none: the defaults', async () => expect(await resolveProfile(host(), undefined)).toBe(defaultProfile));
  test('a name: here, or beside the pipeline', async () => {
    expect(await resolveProfile(host(), 'production')).toMatchObject({ name: 'production', parallelism: 2, secrets: { hmac: 'hush' } });
    expect(await resolveProfile(host(), 'small', 'app/pipeline.yaml')).toMatchObject({ name: 'small' });
  });
  test('a path', async () => expect(await resolveProfile(host(), './profiles/production.yaml')).toMatchObject({ name: 'production' }));
  test('a name that is near', async () => {
    await expect(resolveProfile(host(), 'prodution')).rejects.toMatchObject({ code: 'unreadable_pipeline', hint: 'Did you mean production?' });
  });
  test('one with errors', async () => {
    const error = await resolveProfile(host(), 'wrong.yaml').catch((it: unknown) => it);
    expect(error).toBeInstanceOf(FindingsError);
    expect((error as FindingsError).findings).toMatchObject([{ file: 'wrong.yaml', line: 1, col: 1, code: 'unknown_key' }]);
  });
});
