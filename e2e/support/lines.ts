import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { succeed } from './cli.ts';

/** Writes a file of lines, and the directories that it lies in. */
export function writeLines(dir: string, file: string, lines: readonly string[]): void {
  const path = join(dir, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
}

/** Puts such a file of JSON into a topic of the data directory. `more`: arguments of the command */
export async function produceLines(
  path: string,
  { topic, key, dataDir, partitions = 4, more = [] }: { topic: string; key: string; dataDir: string; partitions?: number; more?: readonly string[] },
): Promise<void> {
  await succeed(['topic', 'produce', topic, '--key', key, '--partitions', String(partitions), '--file', path, '--data-dir', dataDir, ...more]);
}
