import { join } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { openEmbedded } from '../embedded/open.ts';
import { isAlive, type ProcessId, thisProcess } from '../embedded/process.ts';
import type { Commit, Fence, Ledger, Transport } from '../log.ts';

/** What a copy says of itself. */
interface Standing {
  /** the ledger topic it is a copy of, as that names itself */
  readonly topic: string;
  /** by partition: the offset up to which it holds the topic */
  readonly positions: readonly number[];
  /** epoch ms of the last change */
  readonly at: number;
}

/** Who has a copy. */
interface Owner {
  readonly session: string;
  /** null: given back */
  readonly process: ProcessId | null;
}

/** keys of its own, before all printable ones */
const OWN = '\0';
const LAST = '\u{10ffff}';
const STANDING = `${OWN}standing`;
const OWNER = `${OWN}owner`;

/**
 * The copy of a ledger topic in the data directory, one a process: LMDB, so that a ledger larger than memory is no matter and a restart reads only what is new.
 * It belongs to whoever opened it last: a process that was thought dead can no longer write to it.
 */
export class LedgerCopy implements Ledger {
  /** 1, 2, … of those that one host has in a data directory */
  readonly number: number;
  readonly #store: Transport;
  readonly #fence: Fence;
  #standing: Standing | null;
  #closed = false;

  private constructor(store: Transport, fence: Fence, number: number) {
    this.#store = store;
    this.#fence = fence;
    this.number = number;
    const bytes = store.ledger.get(STANDING);
    this.#standing = bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString()) as Standing);
  }

  /** Takes the copy from whoever had it. */
  static open(dataDir: string, host: string, session: string): LedgerCopy {
    const store = openEmbedded(placeOf(dataDir, host, 1));
    return new LedgerCopy(store, take(store, session), 1);
  }

  /** Takes the first copy that nobody alive has: processes of one host that share a data directory have one each. */
  static async free(dataDir: string, host: string, session: string): Promise<LedgerCopy> {
    for (let n = 1; ; n++) {
      const store = openEmbedded(placeOf(dataDir, host, n));
      const old = store.ledger.get(OWNER);
      const owner = old === null ? null : (JSON.parse(Buffer.from(old).toString()) as Owner);
      try {
        if (owner?.process == null || !isAlive(owner.process)) return new LedgerCopy(store, take(store, session, { key: OWNER, value: old }), n);
      } catch (error) {
        if (!(error instanceof MillraceError && error.code === 'fenced')) throw error;
      }
      await store.close();
    }
  }

  get standing(): Standing | null {
    return this.#standing;
  }

  get(key: string): Uint8Array | null {
    return this.#store.ledger.get(key);
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    for (const entry of this.#store.ledger.entries(prefix)) if (!entry[0].startsWith(OWN)) yield entry;
  }

  /** Begins anew, as a copy of this topic that holds nothing of it yet. */
  reset(topic: string, partitions: number, at: number): void {
    this.#write({ appenders: [], puts: [], deleteRanges: [[OWN, LAST]] }, { topic, positions: Array.from({ length: partitions }, () => 0), at }, [
      [OWNER, this.#fence.value],
    ]);
  }

  /** One change of what it holds and up to where, durable on return. @throws fenced when another process has opened the copy since */
  write(changes: Pick<Commit, 'puts' | 'deletePrefixes' | 'deleteRanges'>, positions: readonly number[], at: number): void {
    if (this.#standing === null) throw new Error('the copy has no topic yet');
    // a whole commit may be handed in: what it truncates is not here
    const { puts, deletePrefixes = [], deleteRanges = [] } = changes;
    this.#write({ appenders: [], puts, deletePrefixes, deleteRanges }, { topic: this.#standing.topic, positions: [...positions], at });
  }

  #write(commit: Commit, standing: Standing, more: Commit['puts'] = []): void {
    const puts = [...commit.puts, ...more, [STANDING, Buffer.from(JSON.stringify(standing))] as const];
    this.#guard(() => this.#store.commit({ ...commit, puts, fence: this.#fence }) as undefined);
    this.#standing = standing;
  }

  note(puts: Commit['puts']): void {
    this.#guard(() => this.#store.note(puts, this.#fence));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'fenced')) throw error;
      throw new MillraceError('fenced', 'Another process has opened the copy of the ledger in this data directory.', { cause: error });
    }
  }

  /** Gives it back; does nothing more when another process has taken it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#store.note([[OWNER, ownerBytes({ session: '', process: null })]], this.#fence);
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'fenced')) throw error;
    } finally {
      await this.#store.close();
    }
  }
}

const placeOf = (dataDir: string, host: string, n: number) => join(dataDir, 'kafka', encodeURIComponent(host) + (n === 1 ? '' : `~${n}`));

const ownerBytes = (owner: Owner) => Buffer.from(JSON.stringify(owner));

function take(store: Transport, session: string, fence?: Fence): Fence {
  const value = ownerBytes({ session, process: thisProcess() });
  store.note([[OWNER, value]], fence);
  return { key: OWNER, value };
}
