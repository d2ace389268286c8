import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { defaultProfile, type Profile } from '@millrace/pipeline/profile.ts';
import { FindingsError, hasErrors } from './checked.ts';
import type { Host } from './command.ts';
import { readNamed } from './files.ts';
import { PlacedError } from './output/failure.ts';

/**
 * The profile of that name, or the defaults without one. A name is looked up as `profiles/<name>.yaml` here and beside the
 * pipeline file; anything with a slash or a `.yaml` is a path. Throws unreadable_pipeline, or `FindingsError` when it is wrong.
 */
export async function resolveProfile(host: Host, name: string | undefined, pipeline?: string): Promise<Profile> {
  if (name === undefined) return defaultProfile;
  const file = await fileOf(host, name, pipeline);
  const text = readNamed(host.cwd, file, 'unreadable_pipeline');
  const { readProfile } = await import('./profile-file.ts');
  const { profile, findings } = readProfile(text, { file, name: basename(file).replace(/\.ya?ml$/, ''), env: host.env, cwd: host.cwd });
  if (profile === null || hasErrors(findings)) throw new FindingsError(findings);
  return profile;
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
  throw new PlacedError(
    'unreadable_pipeline',
    { file: join('profiles', `${name}.yaml`), line: 1, col: 1 },
    `There is no profile ${name}.`,
    hint ?? 'Name a file under profiles/, or give a path.',
  );
}
