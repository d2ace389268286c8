import { EntryReader, partitionOf } from '@millrace/transport/kafka/ledger-records.ts';
import type { Log } from '@millrace/transport/log.ts';
import { readToEnd } from '@millrace/transport/read-to-end.ts';

/**
 * The entries of a ledger's topic whose keys begin so, ascending, as of now: what is committed, and nothing of what is under way. Reads the topic without owning
 * anything of it, so also while the pipeline runs. `prefix` names no task, so all of them are in one partition.
 */
export async function readLedger(log: Log, topic: string, prefix: string): Promise<(readonly [key: string, value: Uint8Array])[]> {
  const partition = partitionOf(prefix, log.topic(topic)?.partitions ?? 1);
  const found = new Map<string, Uint8Array>();
  const entries = new EntryReader();
  const reader = log.reader(topic, partition, { offset: 0 });
  try {
    await readToEnd(log, topic, partition, reader, (view) =>
      entries.read(view, (key, value) => {
        if (!key.startsWith(prefix)) return;
        if (value === null) found.delete(key);
        else found.set(key, value);
      }),
    );
  } finally {
    reader.close();
  }
  return [...found].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
