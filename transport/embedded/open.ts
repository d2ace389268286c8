import { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchAppender } from '../batchappender.ts';
import type { Commit, Ledger, Transport } from '../log.ts';
import { EmbeddedLog } from './embeddedlog.ts';
import { Environment } from './environment.ts';
import { behindPrefix } from './keys.ts';
import { Wakes } from './wakes.ts';

export interface EmbeddedOptions {
  /** whether a commit waits for the disk (default); without, a crash of the machine may lose or damage what was written */
  readonly sync?: boolean;
  /** shared by the threads of one process (at least 4 bytes), so that an append by one wakes the others at once */
  readonly wake?: SharedArrayBuffer;
}

/**
 * The transport of a data directory, on LMDB: any number of threads and processes may open the same one.
 * A commit whose process was killed in the very act may come to light with the next commit of another (or a reopening), whole: so who
 * takes over a dead owner's work writes first (a claim does) and reads then.
 * Throws `MillraceError` storage_unusable, storage_corrupt or storage_full; commits may throw the last as well, and then leave nothing.
 */
export function openEmbedded(dir: string, options: EmbeddedOptions = {}): Transport {
  const environment = new Environment(dir, { sync: options.sync ?? true });
  const wakes = new Wakes(options.wake);
  const values = environment.table('ledger');
  const log = new EmbeddedLog(environment, wakes, (appender) => commit({ appenders: [appender], puts: [] }));

  const ledger: Ledger = {
    get(key) {
      environment.refresh();
      return values.get(Buffer.from(key))?.slice() ?? null;
    },
    *entries(prefix) {
      environment.refresh();
      const from = Buffer.from(prefix);
      for (const [key, value] of values.entries(from.length === 0 ? Buffer.from([0]) : from, behindPrefix(from))) yield [Buffer.from(key).toString(), value];
    },
  };

  function commit(wanted: Commit): void {
    let appended = false;
    environment.transaction(() => {
      appended = false;
      const { fence } = wanted;
      if (fence !== undefined) {
        const value = values.get(Buffer.from(fence.key));
        const holds = value === undefined || fence.value === null ? value === undefined && fence.value === null : Buffer.compare(value, fence.value) === 0;
        if (!holds) throw new MillraceError('fenced', `Another process has taken ${fence.key} of ${dir}.`);
      }
      for (const appender of wanted.appenders) if (log.append(appender as BatchAppender)) appended = true;
      if (appended) log.bump();
      for (const { topic, partition, before } of wanted.truncate ?? []) log.truncate(topic, partition, before);
      for (const prefix of wanted.deletePrefixes ?? []) remove(Buffer.from(prefix), behindPrefix(Buffer.from(prefix)));
      for (const [from, to] of wanted.deleteRanges ?? []) remove(Buffer.from(from), Buffer.from(to));
      for (const [key, value] of wanted.puts) {
        if (value === null) values.remove(Buffer.from(key));
        else values.put(Buffer.from(key), value);
      }
    });
    for (const appender of wanted.appenders) appender.discard();
    if (appended) wakes.notify();
  }

  /** drops the ledger's keys in [from, to) */
  function remove(from: Uint8Array, to: Uint8Array): void {
    for (const key of values.keys(from, to)) values.remove(key);
  }

  const note: Transport['note'] = (puts, fence) => commit({ appenders: [], puts, ...(fence ? { fence } : {}) });

  return { kind: 'embedded', log, ledger, commit, note, close: () => environment.close() };
}
