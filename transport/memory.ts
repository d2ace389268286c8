import { MillraceError } from '@millrace/runtime/errors.ts';
import { BatchAppender } from './batchappender.ts';
import { BatchReader, type BatchStore } from './batchreader.ts';
import type { Commit, Ledger, Log, TopicInfo, Transport } from './log.ts';
import type { BatchBuilder } from './recordbatch.ts';

interface StoredBatch {
  readonly base: number;
  readonly count: number;
  readonly bytes: Buffer;
}

interface Partition {
  batches: StoredBatch[];
  end: number;
}

interface Topic {
  info: TopicInfo;
  readonly partitions: Partition[];
}

/** A transport whose object is the medium: what was committed outlives the tasks that used it, and `close` changes nothing. */
export interface MemoryTransport extends Transport {
  /** done on return */
  commit(commit: Commit): void;
  /** called with each commit before anything of it is stored; throwing refuses it as a whole */
  beforeCommit: ((commit: Commit) => void) | null;
  /** called with each commit once it is stored; throwing leaves it stored, as a crash right behind it would */
  afterCommit: ((commit: Commit) => void) | null;
  /** stores batches by themselves and gives the end behind them */
  append(topic: string, partition: number, batches: Iterable<BatchBuilder>): number;
}

const equal = (a: Uint8Array | undefined, b: Uint8Array | null) => (a === undefined || b === null ? a === undefined && b === null : Buffer.compare(a, b) === 0);
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The last batch whose base is ≤ `offset`. */
function covering(batches: readonly StoredBatch[], offset: number): StoredBatch | undefined {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (batches[middle].base <= offset) low = middle + 1;
    else high = middle;
  }
  return batches[low - 1];
}

/** A transport in this process' memory, for tests and timelines. */
export function openMemory(): MemoryTransport {
  const topics = new Map<string, Topic>();
  const values = new Map<string, Uint8Array>();
  const waiting = new Set<() => void>();
  let version = 0;

  const known = (name: string): Topic => {
    const topic = topics.get(name);
    if (topic === undefined) throw new MillraceError('unknown_topic', `There is no topic ${name}.`);
    return topic;
  };
  const partition = (name: string, index: number): Partition => {
    const found = known(name).partitions[index];
    if (found === undefined) throw new RangeError(`${name} has no partition ${index}`);
    return found;
  };
  const startOf = (of: Partition) => of.batches[0]?.base ?? of.end;
  const truncate = (of: Partition, before: number) => {
    const keep = of.batches.findIndex((batch) => batch.base + batch.count > before);
    of.batches = keep < 0 ? [] : of.batches.slice(keep);
  };
  const store = (of: Partition, batches: Iterable<BatchBuilder>): boolean => {
    const before = of.end;
    for (const batch of batches) {
      of.batches.push({ base: of.end, count: batch.count, bytes: Buffer.from(batch.finish(of.end)) });
      of.end += batch.count;
    }
    return of.end > before;
  };
  const changed = () => {
    version++;
    for (const wake of [...waiting]) wake();
  };

  const log: Log = {
    async ensure(name, partitions, meta = {}) {
      const old = topics.get(name);
      if (old !== undefined && old.info.partitions !== partitions)
        throw new MillraceError('partition_count_changed', `Topic ${name} has ${old.info.partitions} partitions, not ${partitions}.`);
      if (old === undefined) {
        const info = { name, partitions, meta: { ...meta } };
        topics.set(name, { info, partitions: Array.from({ length: partitions }, () => ({ batches: [], end: 0 })) });
        changed();
        return info;
      }
      old.info = { name, partitions, meta: { ...old.info.meta, ...meta } };
      return old.info;
    },
    topic: (name) => topics.get(name)?.info ?? null,
    topics: () => [...topics.values()].map((topic) => topic.info).sort((a, b) => byBytes(a.name, b.name)),
    reader(name, index, from) {
      const of = partition(name, index);
      const store: BatchStore = {
        at(base) {
          const batch = covering(of.batches, base);
          return batch?.base === base ? batch.bytes : undefined;
        },
        covering: (offset) => covering(of.batches, offset)?.bytes,
        start: () => startOf(of),
        end: () => of.end,
      };
      return new BatchReader(name, index, store, from);
    },
    appender(name) {
      return new BatchAppender(name, known(name).partitions.length, (appender) => transport.commit({ appenders: [appender], puts: [] }));
    },
    startOffset: async (name, index) => startOf(partition(name, index)),
    endOffset: async (name, index) => partition(name, index).end,
    ends: async (name) => known(name).partitions.map(({ end }) => end),
    truncateBefore: async (name, index, offset) => truncate(partition(name, index), offset),
    version: () => version,
    wait(ms, since = version) {
      return new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, since === version ? ms : 0);
        waiting.add(wake);
      });
    },
  };

  const ledger: Ledger = {
    get: (key) => values.get(key)?.slice() ?? null,
    *entries(prefix) {
      for (const key of [...values.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes)) {
        const value = values.get(key);
        if (value !== undefined) yield [key, value.slice()];
      }
    },
  };

  const transport: MemoryTransport = {
    kind: 'memory',
    log,
    ledger,
    beforeCommit: null,
    afterCommit: null,
    commit(commit) {
      const { fence } = commit;
      if (fence !== undefined && !equal(values.get(fence.key), fence.value)) throw new MillraceError('fenced', `Another process has taken ${fence.key}.`);
      transport.beforeCommit?.(commit);
      let appended = false;
      for (const appender of commit.appenders as readonly BatchAppender[]) {
        for (const [index, of] of known(appender.topic).partitions.entries()) if (store(of, appender.batches(index))) appended = true;
      }
      for (const { topic, partition: index, before } of commit.truncate ?? []) truncate(partition(topic, index), before);
      for (const key of [...values.keys()]) {
        const inRange = commit.deleteRanges?.some(([from, to]) => byBytes(key, from) >= 0 && byBytes(key, to) < 0);
        if (inRange || commit.deletePrefixes?.some((prefix) => key.startsWith(prefix))) values.delete(key);
      }
      for (const [key, value] of commit.puts) {
        if (value === null) values.delete(key);
        else values.set(key, new Uint8Array(value));
      }
      for (const appender of commit.appenders) appender.discard();
      if (appended) changed();
      transport.afterCommit?.(commit);
    },
    append(name, index, batches) {
      const of = partition(name, index);
      if (store(of, batches)) changed();
      return of.end;
    },
    note: (puts, fence) => transport.commit({ appenders: [], puts, ...(fence ? { fence } : {}) }),
    close: async () => {},
  };
  return transport;
}
