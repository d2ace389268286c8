import { setTimeout as sleep } from 'node:timers/promises';
import { Millrace } from '../cli.ts';
import { kafkaOf } from './foreign.ts';

/** Runs the pipeline of a directory on Kafka; `args` beside those that every run has. */
export function start(
  cwd: string,
  args: readonly string[] = [],
  { dataDir = 'data', env = {} }: { dataDir?: string; env?: Record<string, string> } = {},
): Millrace {
  return new Millrace(['run', 'pipeline.yaml', '--data-dir', dataDir, '--profile', 'kafka.yaml', '--json', ...args], { cwd, env });
}

export const TO_END: readonly string[] = ['--until', 'end'];

/** Records in a topic, as its end offsets say; 0 before it is there. */
async function records(brokers: readonly string[], topic: string): Promise<number> {
  const admin = kafkaOf(brokers).admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => []);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}

/** Waits until the topic holds something that the run has written; false when the run has ended before. */
export async function begun(run: Millrace, brokers: readonly string[], topic: string): Promise<boolean> {
  let over = false;
  void run.finished.then(() => {
    over = true;
  });
  while (!over) {
    if ((await records(brokers, topic)) > 0) return true;
    await sleep(20);
  }
  return false;
}

/** Lines of stderr that say why a run ended, without progress. */
export function complaints(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('millrace: '));
}
