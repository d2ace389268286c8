import { setTimeout as sleep } from 'node:timers/promises';
import { Millrace } from '../cli.ts';
import { kafkaOf } from './foreign.ts';

/** Runs the pipeline of a directory on Kafka; `args` beside those that every run has. */
export function start(
  cwd: string,
  args: readonly string[] = [],
  { dataDir = 'data', env = {}, bin }: { dataDir?: string; env?: Record<string, string>; bin?: string } = {},
): Millrace {
  const options = { cwd, env, ...(bin === undefined ? {} : { bin }) };
  return new Millrace(['run', 'pipeline.yaml', '--data-dir', dataDir, '--profile', 'kafka.yaml', '--json', ...args], options);
}

export const TO_END: readonly string[] = ['--until', 'end'];

/** Asks over one connection how many records a topic holds, as its end offsets say; 0 before it is there. */
async function counting<T>(brokers: readonly string[], topic: string, what: (count: () => Promise<number>) => Promise<T>): Promise<T> {
  const admin = kafkaOf(brokers).admin();
  await admin.connect();
  try {
    let there = false;
    return await what(async () => {
      // kafkajs asks for the offsets of a missing topic for many seconds
      there ||= (await admin.listTopics()).includes(topic);
      // one just made may not be known everywhere yet
      const offsets = there ? await admin.fetchTopicOffsets(topic).catch(() => []) : [];
      return offsets.reduce((sum, { high }) => sum + Number(high), 0);
    });
  } finally {
    await admin.disconnect();
  }
}

export function records(brokers: readonly string[], topic: string): Promise<number> {
  return counting(brokers, topic, (count) => count());
}

/** Waits until the topic holds something that the run has written, behind the `already` that were there; false when the run has ended before. */
export function begun(run: Millrace, brokers: readonly string[], topic: string, already = 0): Promise<boolean> {
  let over = false;
  void run.finished.then(() => {
    over = true;
  });
  return counting(brokers, topic, async (count) => {
    while (!over) {
      if ((await count()) > already) return true;
      await sleep(20);
    }
    return false;
  });
}

/** Lines of stderr that say why a run ended, without progress. */
export function complaints(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('millrace: '));
}
