import { join } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { isAlive, type ProcessId, thisProcess } from '../embedded/process.ts';
import type { Commit, Fence, Ledger, Transport } from '../log.ts';
import { openCopyStore } from './copy-store.ts';
import { Fresh } from './fresh.ts';

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
/** before the keys that were noted: by which session */
const NOTED = `${OWN}noted/`;
/** What is new waits in memory for so long, ms, or until it is so large, bytes. */
const WRITE_EVERY = 1000;
const MOST_FRESH = 64 * 1024 * 1024;
/** Bytes that are written at a time, about: a millisecond, between which the records of the thread go on for so long, ms; of much that is new a share of it. */
const PART = 48 * 1024;
const SHARE = 1 / 64;
const PART_EVERY = 8;

/**
 * The copy of a ledger topic in the data directory, one a process: LMDB, so that a ledger larger than memory is no matter and a restart reads only what is new.
 * What has come within the last second is in memory alone: the topic has it, and from where the copy stands in it a restart reads on.
 * It belongs to whoever opened it last: a process that was thought dead can no longer write to it.
 */
export class LedgerCopy implements Ledger {
  /** 1, 2, … of those that one host has in a data directory */
  readonly number: number;
  readonly #store: Transport;
  readonly #fence: Fence;
  /** what is not written yet, and how the copy stands with it */
  readonly #fresh = new Fresh();
  #standing: Standing | null;
  /** session by key */
  readonly #noted: Map<string, string>;
  #writing: NodeJS.Timeout | null = null;
  #failure: { readonly error: unknown } | null = null;
  #closed = false;

  private constructor(store: Transport, fence: Fence, number: number) {
    this.#store = store;
    this.#fence = fence;
    this.number = number;
    this.#noted = new Map([...store.ledger.entries(NOTED)].map(([key, by]) => [key.slice(NOTED.length), String(Buffer.from(by))]));
    const bytes = store.ledger.get(STANDING);
    this.#standing = bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString()) as Standing);
  }

  /** Takes the first copy that nobody alive has: processes of one host that share a data directory have one each. */
  static async open(dataDir: string, host: string, session: string, alive: (process: ProcessId) => boolean = isAlive): Promise<LedgerCopy> {
    for (let n = 1; ; n++) {
      const store = openCopyStore(placeOf(dataDir, host, n));
      const old = store.ledger.get(OWNER);
      const owner = old === null ? null : (JSON.parse(Buffer.from(old).toString()) as Owner);
      try {
        if (owner?.process == null || !alive(owner.process)) return new LedgerCopy(store, take(store, session, { key: OWNER, value: old }), n);
      } catch (error) {
        if (!(error instanceof MillraceError && error.code === 'fenced')) throw error;
      }
      await store.close();
    }
  }

  /** up to where it holds the topic, what is not written yet included */
  get standing(): Standing | null {
    return this.#standing;
  }

  get(key: string): Uint8Array | null {
    const fresh = this.#fresh.get(key);
    return fresh === undefined ? this.#store.ledger.get(key) : fresh && new Uint8Array(fresh);
  }

  /** bytes of a value; 0: there is none */
  size(key: string): number {
    const fresh = this.#fresh.get(key);
    return (fresh === undefined ? this.#store.ledger.get(key) : fresh)?.length ?? 0;
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    for (const entry of this.#fresh.over(this.#store.ledger.entries(prefix), prefix)) if (!entry[0].startsWith(OWN)) yield entry;
  }

  /** Begins anew, as a copy of this topic that holds nothing of it yet. */
  reset(topic: string, partitions: number, at: number): void {
    this.#fresh.clear();
    this.#noted.clear();
    this.#standing = { topic, positions: Array.from({ length: partitions }, () => 0), at };
    this.#put([[OWNER, this.#fence.value]], this.#standing, [[OWN, LAST]]);
  }

  /** Changes what it holds and up to where; the values are its own from then on. @throws fenced when another process has opened the copy since */
  write(puts: Iterable<Commit['puts'][number]>, positions: readonly number[], at: number): void {
    if (this.#standing === null) throw new Error('the copy has no topic yet');
    this.#check();
    this.#standing = { topic: this.#standing.topic, positions: [...positions], at };
    this.#fresh.add(puts);
    // newer than what was noted
    if (this.#noted.size > 0) for (const [key] of puts) if (this.#noted.delete(key)) this.#fresh.add([[NOTED + key, null]]);
    if (this.#fresh.bytes >= MOST_FRESH) this.settle();
    else this.#writing ??= setTimeout(() => this.#writeSome(), WRITE_EVERY).unref();
  }

  /** Writes what is new, and how it stands with it: this process's death does not undo it. @throws fenced … */
  settle(): void {
    this.#check();
    if (this.#writing !== null) clearTimeout(this.#writing);
    this.#writing = null;
    if (this.#standing !== null) this.#writePart(Number.POSITIVE_INFINITY);
  }

  /** Writes a part of what is new, and goes on a little later. */
  #writeSome(): void {
    this.#writing = null;
    if (this.#closed || this.#failure !== null) return;
    try {
      if (!this.#writePart(Math.max(PART, this.#fresh.bytes * SHARE))) this.#writing = setTimeout(() => this.#writeSome(), PART_EVERY).unref();
    } catch {
      // the next who writes is told
    }
  }

  /** Writes so many bytes of what is new, about; with the last part, for which it gives true, how the copy stands: a restart before that reads all of it again. */
  #writePart(most: number): boolean {
    const part = this.#fresh.take(most);
    const last = this.#fresh.bytes === 0;
    try {
      this.#put(part, last ? this.#standing : null);
    } catch (error) {
      this.#fresh.add(part);
      this.#failure = { error };
      throw error;
    }
    return last;
  }

  #put(puts: Commit['puts'], standing: Standing | null, deleteRanges: NonNullable<Commit['deleteRanges']> = []): void {
    const all = standing === null ? puts : [...puts, [STANDING, Buffer.from(JSON.stringify(standing))] as const];
    this.#guard(() => this.#store.commit({ appenders: [], puts: all, deleteRanges, fence: this.#fence }) as undefined);
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Puts what the topic does not have; a death of this process behind it finds it. What `session` has put into the topic so far is older, wherever it stands there: see `outdates`. */
  note(session: string, puts: Commit['puts']): void {
    if (this.#standing === null) throw new Error('the copy has no topic yet');
    this.#check();
    this.#fresh.add(puts);
    for (const [key] of puts) {
      if (this.#noted.get(key) !== session) this.#fresh.add([[NOTED + key, Buffer.from(session)]]);
      this.#noted.set(key, session);
    }
    this.settle();
  }

  /** Whether a note stands here that is newer than what `session` wrote of a key: that is read again where the writer died before it had come back from the topic. */
  outdates(key: string, session: string): boolean {
    const noted = this.#noted.get(key);
    return noted !== undefined && session.startsWith(noted);
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
      this.settle();
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

function take(store: Transport, session: string, fence: Fence): Fence {
  const value = ownerBytes({ session, process: thisProcess() });
  store.note([[OWNER, value]], fence);
  return { key: OWNER, value };
}
