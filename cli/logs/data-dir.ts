import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { planOf } from '../checked.ts';
import type { Call, OptionSpec } from '../command.ts';
import { quoted, shownPath } from '../files.ts';

/** The options by which the topic commands find a log. */
export const dataDirOptions: readonly OptionSpec[] = [
  { flags: '--data-dir <dir>', doc: 'the data directory that holds the log (default: the only one under .millrace)' },
  { flags: '--pipeline <file>', doc: 'the pipeline file whose data directory is meant' },
];

/** Where a pipeline keeps its data when nobody says otherwise: beside its file. */
export function defaultDataDir(file: string, name: string): string {
  return join(dirname(file), '.millrace', name);
}

/** The data directory that a topic command is about, as an absolute path; it need not be there. */
export async function dataDirOf(call: Call): Promise<string> {
  const given = call.text('dataDir');
  if (given !== undefined) return resolve(call.host.cwd, given);
  const pipeline = call.text('pipeline');
  if (pipeline !== undefined) return defaultDataDir(resolve(call.host.cwd, pipeline), (await planOf(call.host, pipeline)).name);
  const here = join(call.host.cwd, '.millrace');
  const dirs = existsSync(here) ? readdirSync(here).filter((name) => isDataDir(join(here, name))) : [];
  if (dirs.length === 1) return join(here, dirs[0]);
  throw new MillraceError(
    'not_found_here',
    dirs.length === 0 ? 'There is no .millrace directory with data here.' : `There are several data directories under .millrace: ${dirs.join(', ')}.`,
    {
      hint:
        dirs.length === 0
          ? 'Pass --data-dir, or --pipeline with the file that was run.'
          : `Pass one of them, such as --data-dir ${quoted(join('.millrace', dirs[0]))}.`,
    },
  );
}

/** Opens what a run has left. Throws data_dir_missing rather than making an empty one. */
export async function openExisting(cwd: string, dir: string): Promise<Transport> {
  if (!isDataDir(dir)) {
    const shown = shownPath(cwd, dir);
    throw new MillraceError('data_dir_missing', existsSync(dir) ? `${shown} is no data directory: it holds no log.` : `There is no data directory ${shown}.`);
  }
  const { openEmbedded } = await import('@millrace/transport/embedded/open.ts');
  return openEmbedded(dir);
}

function isDataDir(dir: string): boolean {
  return existsSync(join(dir, 'log.mdb'));
}
