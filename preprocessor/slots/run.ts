import { probe } from '@millrace/runtime/probe.ts';
import type { Membership } from '@millrace/transport/kafka/group/membership.ts';
import { openParts } from '@millrace/transport/open.ts';
import type { Parts } from '@millrace/transport/parts.ts';
import { countSlots } from '../layout.ts';
import type { RunOptions, RunProgress } from '../run-options.ts';
import { Totals } from '../totals.ts';
import { Watch } from '../watch.ts';
import { Keeper } from './keeper.ts';
import { heardWord } from './word.ts';

const LOOK_MS = 50;
/** how often it is told for how long nothing has been said, ms */
const PATIENCE_MS = 10_000;
const OFFSETS_MS = 1000;

/** Where processes share a pipeline: the log and ledger, and the group that hands out the slots. */
export interface SharedOptions extends RunOptions {
  /** instead of the profile's; closed at the end */
  readonly parts?: Parts;
}

/**
 * Takes part in the record stage of a plan: works on the slots that the group gives this process until its signal, the end of a run (`untilEnd`) or an error (`MillraceError`, or a
 * defect). Whoever has slot 0 begins the runs; the others follow.
 */
export async function runShared(options: SharedOptions): Promise<RunProgress> {
  const { plan, profile, dataDir, clock } = options;
  const parts = options.parts ?? (await openParts(profile.transport, { dataDir, pipeline: plan.name, host: 'preprocess', clock }));
  try {
    const { slots, topics } = countSlots(plan, parts.log, profile.transport.partitions);
    const membership = await parts.join({ slots, topics, plan: plan.hash, instance: profile.transport.kafka?.instance ?? null, onEvent: options.onEvent });
    try {
      return await new SharedRun(options, parts, membership, slots).run();
    } finally {
      await membership.leave();
    }
  } finally {
    await parts.close();
  }
}

class SharedRun {
  readonly #options: RunOptions;
  readonly #parts: Parts;
  readonly #membership: Membership;
  readonly #keeper: Keeper;
  readonly #totals: Totals;
  readonly #watch: Watch;
  /** the run that was seen under way */
  #following = -1;
  #toldAt: number;
  /** what the group was told last of the slots here */
  #owned = '';

  constructor(options: RunOptions, parts: Parts, membership: Membership, slots: number) {
    this.#options = options;
    this.#parts = parts;
    this.#membership = membership;
    this.#keeper = new Keeper(options, parts, slots);
    this.#totals = new Totals(options);
    this.#watch = new Watch(options, this.#totals, options.untilEnd);
    this.#toldAt = options.clock.monotonic();
  }

  async run(): Promise<RunProgress> {
    const { signal, untilEnd } = this.#options;
    const keeper = this.#keeper;
    try {
      while (!signal.aborted) {
        this.#follow();
        if ((await this.#over()) && untilEnd) break;
        this.#report();
        await Promise.race([this.#membership.changed(LOOK_MS), keeper.wait(LOOK_MS)]);
      }
      const leaving = keeper.leave(signal.aborted);
      while (keeper.kept.length > 0) {
        this.#report();
        this.#tellOwned();
        await keeper.wait(LOOK_MS);
      }
      await leaving;
    } catch (error) {
      await keeper.leave(false).catch(() => undefined);
      throw error;
    }
    this.#watch.tick(keeper.drainStats(this.#options.clock.monotonic()));
    if (untilEnd && !signal.aborted) this.#watch.overspent(true);
    return this.#totals.progress('done');
  }

  /** Does what the group says. */
  #follow(): void {
    const { assigned, generation } = this.#membership;
    this.#keeper.want(assigned, generation);
    this.#tellOwned();
  }

  #tellOwned(): void {
    const { kept } = this.#keeper;
    if (kept.join() !== this.#owned) this.#membership.owns(kept);
    this.#owned = kept.join();
  }

  /** Whether a run that was under way here has come to its end. Whoever has slot 0 marks it, and begins the next where processes go on. */
  async #over(): Promise<boolean> {
    const { plan, untilEnd } = this.#options;
    const { speaker } = this.#keeper;
    if (speaker?.ended && !speaker.run.finished) {
      this.#watch.tick(this.#keeper.drainStats(this.#options.clock.monotonic()));
      if (untilEnd) this.#watch.overspent(true);
      this.#following = speaker.run.run;
      await speaker.finish();
      probe('run.finished');
    }
    if (speaker?.run.finished && !untilEnd) await speaker.next();
    const heard = heardWord(this.#parts.ledger, plan.name);
    if (heard === null || heard.word.planHash !== plan.hash) return false;
    const { run } = heard.word;
    if (!run.finished && this.#following !== run.run) {
      this.#following = run.run;
      const message = 'the run under way was begun without --until end: this process works on it, and comes to an end when those who began it have stopped';
      if (untilEnd && run.ends === null && speaker === null) this.#options.onEvent({ level: 'warn', code: 'endless_run', message });
    }
    return run.finished && run.run === this.#following;
  }

  #report(): void {
    const { clock, onEvent, signal } = this.#options;
    const keeper = this.#keeper;
    if (this.#totals.state === 'recovering' && keeper.working) {
      this.#totals.state = 'running';
      probe('run.started');
    }
    if (!this.#watch.due()) return;
    const now = clock.monotonic();
    this.#watch.tick(keeper.drainStats(now));
    if (!signal.aborted && this.#watch.overspent(false)) keeper.pause();
    if (keeper.working) {
      if (now - this.#toldAt < OFFSETS_MS) return;
      this.#membership.offsets(keeper.positions());
      this.#toldAt = now;
    } else if (now - this.#toldAt >= PATIENCE_MS) {
      const message =
        keeper.kept.length === 0
          ? `standing by: ${this.#membership.members} processes share the slots, and none is left for this one`
          : 'waiting for the process that has slot 0 to begin';
      onEvent({ level: 'info', code: 'standing_by', message });
      this.#toldAt = Number.POSITIVE_INFINITY;
    }
  }
}
