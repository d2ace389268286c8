import { readFileSync } from 'node:fs';

/** A file's text; null where there is no such file. Throws what else the file system says. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
