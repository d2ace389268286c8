import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Appender, Commit, Immediate, Transport } from '@millrace/transport/log.ts';
import type { Ends } from './ends.ts';
import { addCommits, type Commits as Counts, emptyStats } from './stats.ts';

/** Sends on their way at a time: what comes while so many are joins the next. */
const MOST = 3;

/** What a snapshot commits. It is asked for when all that was sent before it is acknowledged, so that the ends that belong to it are known. */
type Save = (ends: Ends) => Promise<Commit>;

/**
 * What leaves a host at once: a few sends on their way, in order, and a snapshot beside them. A snapshot is committed when all sent before it is acknowledged; until
 * it stands nothing else is written to the ledger. Whatever fails ends the host at its next turn.
 */
export class Sends {
  readonly #transport: Transport;
  readonly #immediate: Immediate;
  readonly #clock: Clock;
  readonly #fence: Commit['fence'];
  readonly #ends: Ends;
  /** all that was sent, in order */
  #order: Promise<void> = Promise.resolve();
  #onTheirWay = 0;
  #failure: { readonly error: unknown } | null = null;
  #wake: (() => void)[] = [];
  #counts: Counts = emptyStats().commits;
  /** bytes sent and not acknowledged */
  bytes = 0;
  /** a snapshot is on its way */
  saving = false;

  constructor(transport: Transport, immediate: Immediate, clock: Clock, fence: Commit['fence'], ends: Ends) {
    this.#transport = transport;
    this.#immediate = immediate;
    this.#clock = clock;
    this.#fence = fence;
    this.#ends = ends;
  }

  get free(): boolean {
    return this.#onTheirWay < MOST;
  }

  /** @throws what anything failed with */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** `puts` are durable before the records leave; none while `saving`. `leads`: before those of later sends as well, for they hold what was chosen. */
  begin(appenders: readonly Appender[], puts: Commit['puts'], leads = false): void {
    if (puts.length > 0 && this.saving) throw new Error('a snapshot is on its way');
    const distinct = [...new Set(appenders)];
    const bytes = distinct.reduce((sum, appender) => sum + appender.pendingBytes, 0);
    const begun = this.#clock.monotonic();
    this.bytes += bytes;
    this.#onTheirWay++;
    const sent = this.#immediate.send({ appenders: distinct, puts, leads });
    // ends count in the order of the sends, so that a snapshot sees none of what was sent behind it
    this.#follow(async () => {
      this.#ends.took(await sent);
      this.bytes -= bytes;
      this.#onTheirWay--;
      if (puts.length > 0) {
        addCommits(this.#counts, { count: 1, snapshots: 0, ms: this.#clock.monotonic() - begun });
        probe('batch.committed');
      }
    });
    sent.catch((error: unknown) => this.#fail(error));
  }

  /** Commits a snapshot, when it may be. */
  save(save: Save): void {
    const begun = this.#clock.monotonic();
    this.saving = true;
    const { promise, resolve, reject } = Promise.withResolvers<Commit>();
    // nothing that is sent behind it waits for it
    this.#follow(async () => resolve(save(this.#ends)));
    this.#order.catch(reject);
    const done = promise.then(async (commit) => {
      await this.#transport.commit({ ...commit, ...(this.#fence ? { fence: this.#fence } : {}) });
      addCommits(this.#counts, { count: 1, snapshots: 1, ms: this.#clock.monotonic() - begun });
      probe('batch.committed');
      probe('snapshot.after');
      // where others have appended since, the next owner need not read
      await this.#ends.look();
      this.saving = false;
      this.#moved();
    });
    done.catch((error: unknown) => this.#fail(error));
  }

  /** Resolves when nothing is on its way. @throws what it failed with */
  async settled(): Promise<void> {
    while (this.#failure === null && (this.#onTheirWay > 0 || this.saving)) await this.moved();
    this.check();
  }

  /** resolves when something is acknowledged or has failed */
  moved(): Promise<void> {
    return this.#failure !== null ? Promise.resolve() : new Promise((resolve) => void this.#wake.push(resolve));
  }

  #follow(work: () => Promise<void>): void {
    this.#order = this.#order.then(work);
    this.#order.then(
      () => this.#moved(),
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#moved();
  }

  #moved(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** commits since the last call */
  drainCounts(): Counts {
    const counts = this.#counts;
    this.#counts = emptyStats().commits;
    return counts;
  }
}
