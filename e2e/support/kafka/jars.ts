import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { locked } from '@millrace/runtime/locked.case.ts';

const pom = fileURLToPath(new URL('pom.xml', import.meta.url));
const VERSION = /<version>(\d[^<]*\.\d+)<\/version>/.exec(readFileSync(pom, 'utf8'))?.[1] as string;

/** Where the broker's jars are kept between runs: `MILLRACE_KAFKA_JARS`, or a directory in the user's cache. */
const directory = process.env['MILLRACE_KAFKA_JARS'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace', `kafka-${VERSION}`);

const runs = (command: string, args: readonly string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Why no broker can be started on this machine, in one line; null: it can. */
export function missing(): string | null {
  if (!runs('java', ['-version'])) return 'no Kafka broker here: java (17 or later) is not installed';
  if (!existsSync(directory) && !runs('mvn', ['-v'])) return `no Kafka broker here: mvn is not installed and there are no jars in ${directory}`;
  return null;
}

let ready: Promise<string> | undefined;

async function download(): Promise<string> {
  if (existsSync(directory)) return directory;
  mkdirSync(dirname(directory), { recursive: true });
  await locked(`${directory}.lock`, async () => {
    if (existsSync(directory)) return;
    const part = `${directory}.part`;
    rmSync(part, { recursive: true, force: true });
    await promisify(execFile)('mvn', ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${part}`]);
    renameSync(part, directory);
  });
  return directory;
}

/** The class path of Kafka's own jars, downloaded from Maven Central on the first call of a machine. */
export async function classPath(): Promise<string> {
  ready ??= download();
  return join(await ready, '*');
}
