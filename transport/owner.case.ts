import { setImmediate as macrotask } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchAppender } from './batchappender.ts';
import type { Commit, Ended, Sending, Transport } from './log.ts';
import type { MemoryTransport } from './memory.ts';

/** Something that an owner is about to do to the medium, or that it has just done and not been told of yet. */
export interface Step {
  readonly what: 'puts' | 'append' | 'commit';
  /** of an append: `topic/partition` */
  readonly place: string;
  readonly done: boolean;
}

export interface Owner extends Transport {
  /** nothing more of it reaches the medium: another owner was opened, or `step` threw */
  readonly gone: boolean;
}

const owners = new WeakMap<MemoryTransport, Owned>();

/**
 * Opens a memory transport as a new owner of it, as Kafka's with `visibility: immediate` is: calls take effect later, every partition at a pace of its own, and the
 * owner before is fenced. `step` is called around each effect: throwing ends this owner there, with what stands standing, and else it says how many turns of the
 * event loop pass.
 */
export function openOwner(medium: MemoryTransport, step: (step: Step) => number): Owner {
  const owner = new Owned(medium, step);
  owners.get(medium)?.fence();
  owners.set(medium, owner);
  return owner;
}

/** An owner that nobody fences but its `step`. */
export function openAlone(medium: MemoryTransport, step: (step: Step) => number, kind: Transport['kind'] = 'memory'): Transport {
  return new Owned(medium, step, kind);
}

class Owned implements Owner {
  readonly kind: Transport['kind'];
  readonly #medium: MemoryTransport;
  readonly #step: (step: Step) => number;
  readonly #partitions = new Map<string, Promise<unknown>>();
  #puts: Promise<unknown> = Promise.resolve();
  /** those that records wait for */
  #gate: Promise<unknown> = Promise.resolve();
  #commits: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;
  readonly immediate = { fence: async () => ({ id: 1, refused: 1 }), send: (what: Sending) => this.#send(what) };

  constructor(medium: MemoryTransport, step: (step: Step) => number, kind: Transport['kind'] = 'memory') {
    this.kind = kind;
    this.#medium = medium;
    this.#step = step;
  }

  get gone(): boolean {
    return this.#failure !== null;
  }

  get log(): Transport['log'] {
    return this.#medium.log;
  }

  get ledger(): Transport['ledger'] {
    return this.#medium.ledger;
  }

  fence(): void {
    this.#failure ??= { error: new MillraceError('fenced', 'Another owner has taken over.') };
  }

  commit(commit: Commit): Promise<void> {
    const { kept, taken } = this.#take(commit);
    if (taken.length > 0) throw new Error('records leave before a commit, not with it');
    const done = this.#commits.then(() => this.#effect('commit', '', () => this.#medium.commit(kept)));
    this.#commits = done.catch(() => {});
    return done;
  }

  note(puts: Commit['puts']): void {
    this.#usable();
    this.#medium.note(puts);
  }

  async close(): Promise<void> {}

  #send(what: Sending): Promise<readonly Ended[]> {
    const { kept, taken } = this.#take(what);
    const none = kept.puts.length === 0;
    const put = (): Promise<unknown> => this.#effect('puts', '', () => this.#medium.commit({ appenders: [], puts: kept.puts }));
    const durable = none ? this.#gate.then(() => this.#usable()) : this.#puts.then(put);
    if (!none) this.#puts = durable.catch(() => {});
    if (!none && (what.leads || taken.length > 0)) this.#gate = this.#puts;
    const appended = durable.then(() =>
      Promise.all(
        taken.map(async ({ appender, partition, batches }) => {
          const { topic } = appender;
          const place = `${topic}/${partition}`;
          const done = (this.#partitions.get(place) ?? Promise.resolve()).then(() =>
            this.#effect('append', place, () => this.#medium.append(topic, partition, batches)),
          );
          this.#partitions.set(
            place,
            done.catch(() => {}),
          );
          const end = await done;
          appender.giveBack(batches);
          return { topic, partition, end };
        }),
      ),
    );
    appended.catch(() => {});
    return appended;
  }

  #take<T extends Pick<Commit, 'appenders' | 'puts'>>(what: T) {
    this.#usable();
    const appenders = [...new Set(what.appenders as readonly BatchAppender[])];
    const taken = appenders.flatMap((appender) => appender.take().map((of) => ({ appender, ...of })));
    const puts = what.puts.map(([key, value]) => [key, value === null ? null : new Uint8Array(value)] as const);
    return { taken, kept: { ...what, appenders: [], puts } };
  }

  async #effect<T>(what: Step['what'], place: string, work: () => T): Promise<T> {
    await this.#pause({ what, place, done: false });
    const result = work();
    await this.#pause({ what, place, done: true });
    return result;
  }

  async #pause(step: Step): Promise<void> {
    this.#usable();
    try {
      for (let turns = this.#step(step); turns > 0; turns--) await macrotask();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#usable();
  }

  #usable(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
