import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { PlacedError } from '@millrace/runtime/placed-error.ts';

type Unreadable = 'file_unreadable' | 'unreadable_pipeline';

/** The text of a file named on the command line. Throws as {@link checkReadable} does. */
export function readNamed(cwd: string, file: string, code: Unreadable): string {
  return readFileSync(checkReadable(cwd, file, code), 'utf8');
}

/** The absolute path of a file named on the command line. Throws a `MillraceError` of that code (exit code 2) when there is nothing to read. */
export function checkReadable(cwd: string, file: string, code: Unreadable): string {
  const place = { file, line: 1, col: 1 };
  const path = resolve(cwd, file);
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
    accessSync(path, constants.R_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    const missing = reason === 'ENOENT' || reason === 'ENOTDIR';
    throw new PlacedError(
      code,
      place,
      missing ? 'There is no such file.' : reason === 'EACCES' ? 'It may not be read (permission denied).' : `It cannot be read (${reason}).`,
    );
  }
  if (isDirectory) throw new PlacedError(code, place, 'This is a directory.', { hint: 'Name a file in it.' });
  return path;
}

/** A path as a person would type it here: relative when it lies below `cwd`, else as it is. */
export function shownPath(cwd: string, path: string): string {
  const short = relative(cwd, path);
  if (short === '') return '.';
  return short.startsWith('..') || isAbsolute(short) ? path : short;
}

/** A word that a shell reads as one. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
