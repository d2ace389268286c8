import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { append } from '../append.case.ts';
import { openEmbedded } from './open.ts';

/**
 * What the tests run as processes (`node writer.case.ts <dir> <writer> <commits>`) and as threads: appends records to both partitions
 * of topic t, a few a commit, with the last number of each commit in the ledger, and prints that number once it is durable.
 */
export interface WriterTask {
  readonly dir: string;
  readonly writer: string;
  readonly commits: number;
  readonly wake?: SharedArrayBuffer;
}

/** The value of a writer's record n: of many lengths, and telling whether it is whole. */
export function recordValue(writer: string, n: number): Buffer {
  return Buffer.from(`${writer} ${n} ${'x'.repeat((n * 7919) % 3000)}.`);
}

async function write({ dir, writer, commits, wake }: WriterTask, print: boolean): Promise<void> {
  const transport = openEmbedded(dir, { wake });
  const out = transport.log.appender('t');
  let n = 0;
  for (let commit = 0; commit < commits; commit++) {
    for (let i = 0; i <= commit % 5; i++, n++) append(out, n % 2, { key: Buffer.from(writer), value: recordValue(writer, n) });
    await transport.commit({ appenders: [out], puts: [[`last/${writer}`, Buffer.from(String(n - 1))]] });
    if (print) writeSync(1, `${n - 1}\n`);
  }
  await transport.close();
}

const [, , dir, writer, commits] = process.argv;
const task = workerData as WriterTask | null;
if (task?.writer !== undefined) await write(task, false);
else if (import.meta.main && commits !== undefined) await write({ dir, writer, commits: Number(commits) }, true);
