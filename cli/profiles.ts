import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Finding } from '@millrace/pipeline/finding.ts';
import { defaultProfile, type Profile } from '@millrace/pipeline/profile.ts';
import { PlacedError } from '@millrace/runtime/placed-error.ts';
import { FindingsError, hasErrors, printFindings } from './checked.ts';
import type { Host } from './command.ts';
import { readNamed } from './files.ts';

/**
 * The profile of that name, or the defaults without one. A name is looked up as `profiles/<name>.yaml` here and beside the
 * pipeline file; anything with a slash or a `.yaml` is a path. Prints what is worth knowing about it. Throws
 * unreadable_pipeline, or `FindingsError` when it is wrong.
 */
export async function resolveProfile(host: Host, name: string | undefined, pipeline?: string): Promise<Profile> {
  if (name === undefined) return defaultProfile;
  const file = await fileOf(host, name, pipeline);
  const { profile, findings } = await checkProfile(host, file, readNamed(host.cwd, file, 'unreadable_pipeline'));
  if (profile === null || hasErrors(findings)) throw new FindingsError(findings);
  if (findings.length > 0) await printFindings(host, findings);
  return profile;
}

/** What lint says of a profile whose text is known; `profile` is null when a finding is an error. */
export async function checkProfile(
  host: Host,
  file: string,
  text: string,
): Promise<{ readonly profile: Profile | null; readonly findings: readonly Finding[] }> {
  const { readProfile } = await import('./profile-file.ts');
  return readProfile(text, { file, name: basename(file).replace(/\.ya?ml$/, ''), env: host.env, cwd: host.cwd });
}

/** Whether a file is a profile and no pipeline, by the keys it begins lines with. */
export function isProfile(text: string): boolean {
  if (/^(version|name|preprocess|analyze|schemas|models|tables)\s*:/m.test(text)) return false;
  return /^(transport|registry|redis|checkpoint|parallelism|memory|http|log|secrets)\s*:/m.test(text);
}

async function fileOf(host: Host, name: string, pipeline: string | undefined): Promise<string> {
  if (/[\\/]|\.ya?ml$/.test(name)) return name;
  const dirs = ['profiles', ...(pipeline === undefined ? [] : [join(dirname(pipeline), 'profiles')])];
  for (const dir of dirs) {
    const file = join(dir, `${name}.yaml`);
    if (existsSync(resolve(host.cwd, file))) return file;
  }
  const { didYouMean } = await import('@millrace/pipeline/suggest.ts');
  const known = dirs.flatMap((dir) => (existsSync(resolve(host.cwd, dir)) ? readdirSync(resolve(host.cwd, dir)) : [])).filter((file) => file.endsWith('.yaml'));
  const hint = didYouMean(name, new Set(known.map((file) => file.slice(0, -5))));
  throw new PlacedError('unreadable_pipeline', { file: join('profiles', `${name}.yaml`), line: 1, col: 1 }, `There is no profile ${name}.`, {
    hint: hint ?? 'Name a file under profiles/, or give a path.',
  });
}
