import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Membership } from '@millrace/transport/kafka/group/membership.ts';
import { openParts } from '@millrace/transport/open.ts';
import type { Parts } from '@millrace/transport/parts.ts';
import { countSlots, writtenTopics } from '../layout.ts';
import type { RunOptions, RunProgress } from '../run-options.ts';
import { Totals } from '../totals.ts';
import { Watch } from '../watch.ts';
import { Keeper } from './keeper.ts';
import type { Speaker } from './speaker.ts';
import { Standing } from './standing.ts';
import { heardWord } from './word.ts';

const LOOK_MS = 50;
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
  const place = { dataDir, pipeline: plan.name, host: 'preprocess', written: writtenTopics(plan), clock };
  const parts = options.parts ?? (await openParts(profile.transport, place));
  try {
    const { slots, topics } = countSlots(plan, parts.log, profile.transport.partitions);
    const membership = await parts.join({
      group: `${plan.name}.preprocess`,
      slots,
      topics,
      plan: plan.hash,
      instance: profile.transport.kafka?.instance ?? null,
      onEvent: options.onEvent,
    });
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
  readonly #standing: Standing;
  /** the run that was seen under way */
  #following = -1;
  #offsetsAt: number;
  /** what the group was told last of the slots here */
  #owned = '';

  constructor(options: RunOptions, parts: Parts, membership: Membership, slots: number) {
    this.#options = options;
    this.#parts = parts;
    this.#membership = membership;
    this.#keeper = new Keeper(options, parts, membership, slots);
    this.#totals = new Totals(options);
    this.#watch = new Watch(options, this.#totals, options.untilEnd);
    this.#standing = new Standing(slots, options.clock, options.onEvent);
    this.#offsetsAt = options.clock.monotonic();
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
    this.#keeper.follow();
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
    const keeper = this.#keeper;
    const { speaker } = keeper;
    try {
      if (speaker) await this.#speak(speaker);
    } catch (error) {
      // its life hears of it as well
      if (!(error instanceof MillraceError && error.code === 'fenced')) throw error;
      keeper.speaker = null;
    }
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

  async #speak(speaker: Speaker): Promise<void> {
    const { clock, untilEnd } = this.#options;
    const keeper = this.#keeper;
    speaker.look(clock.monotonic());
    this.#totals.addTables(speaker.drainTables());
    if (speaker.ended && !speaker.run.finished) {
      this.#watch.tick(keeper.drainStats(clock.monotonic()));
      if (untilEnd) this.#watch.overspent(true);
      this.#following = speaker.run.run;
      // what has come since others began that run is for the next
      if (speaker.resumed) return await speaker.next();
      await speaker.finish();
      probe('run.finished');
    }
    if (speaker.run.finished && !untilEnd) await speaker.next();
  }

  #report(): void {
    const { clock, signal } = this.#options;
    const keeper = this.#keeper;
    const { assigned, members, generation } = this.#membership;
    if (!signal.aborted && generation >= 0) this.#standing.tell({ assigned, members, kept: keeper.kept, working: keeper.working });
    if (this.#totals.state === 'recovering' && (keeper.working.length > 0 || this.#standing.by)) {
      this.#totals.state = 'running';
      probe('run.started');
    }
    if (!this.#watch.due()) return;
    const now = clock.monotonic();
    this.#watch.tick(keeper.drainStats(now));
    if (!signal.aborted && this.#watch.overspent(false)) keeper.pause();
    if (now - this.#offsetsAt < OFFSETS_MS || keeper.working.length === 0) return;
    this.#membership.offsets(keeper.positions());
    this.#offsetsAt = now;
  }
}
