import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Commit, Transport } from '@millrace/transport/log.ts';
import { addCommits, type Commits as Counts, emptyStats } from './stats.ts';

/** How often a host commits: after every turn, or where a commit is a transaction of a broker, every so often or when so much is pending. */
export interface Pace {
  /** ms; 0: after every turn */
  readonly every: number;
  /** bytes that may be pending until a commit is due before its time */
  readonly bytes: number;
}

/**
 * The commits of a host, one after the other. Where the transport answers later, one may be on its way while the tasks go on: what they do then belongs to
 * the next. A commit that failed ends the host at its next turn.
 */
export class Commits {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #fence: Commit['fence'];
  readonly #pace: Pace;
  #onItsWay: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #begunAt = Number.NEGATIVE_INFINITY;
  #counts: Counts = emptyStats().commits;

  constructor(transport: Transport, clock: Clock, fence: Commit['fence'], pace: Pace) {
    this.#transport = transport;
    this.#clock = clock;
    this.#fence = fence;
    this.#pace = pace;
  }

  /** Whether to commit now. `pending`: bytes. @throws what the last commit failed with */
  due(now: number, pending: number): boolean {
    this.#check();
    if (this.#pace.every === 0 || pending >= this.#pace.bytes) return true;
    return this.#onItsWay === null && now - this.#begunAt >= this.#pace.every;
  }

  /** ms until one is due by time; 0 when none waits for it */
  wait(now: number): number {
    return Math.max(0, this.#begunAt + this.#pace.every - now);
  }

  /** Resolves when none is on its way. @throws what it failed with */
  async settled(): Promise<void> {
    if (this.#onItsWay !== null) await this.#onItsWay;
    this.#check();
  }

  /** Makes one commit of several; nothing else may be on its way. What must not outlive it, and is to be read again, is read before this returns. */
  async begin(commits: readonly Commit[]): Promise<void> {
    const snapshots = commits.some((commit) => commit.deleteRanges !== undefined);
    const begun = this.#clock.monotonic();
    this.#begunAt = begun;
    const done = this.#transport.commit({
      appenders: [...new Set(commits.flatMap((commit) => commit.appenders))],
      puts: commits.flatMap((commit) => commit.puts),
      deleteRanges: commits.flatMap((commit) => commit.deleteRanges ?? []),
      truncate: commits.flatMap((commit) => commit.truncate ?? []),
      ...(this.#fence ? { fence: this.#fence } : {}),
    });
    if (done === undefined) this.#done(begun, snapshots);
    else if (this.#pace.every === 0) {
      await done;
      this.#done(begun, snapshots);
    } else {
      this.#onItsWay = done.then(
        () => this.#done(begun, snapshots),
        (error: unknown) => {
          this.#failure = { error };
        },
      );
      void this.#onItsWay.then(() => {
        this.#onItsWay = null;
      });
    }
  }

  #done(begun: number, snapshots: boolean): void {
    addCommits(this.#counts, { count: 1, snapshots: snapshots ? 1 : 0, ms: this.#clock.monotonic() - begun });
    probe('batch.committed');
    if (snapshots) probe('snapshot.after');
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** commits since the last call */
  drainCounts(): Counts {
    const counts = this.#counts;
    this.#counts = emptyStats().commits;
    return counts;
  }
}
