import { MillraceError } from '@millrace/runtime/errors.ts';
import { modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import { Arrivals } from '@millrace/transport/kafka/arrivals.ts';
import type { Membership } from '@millrace/transport/kafka/group/membership.ts';
import { isTaken, type Taken } from '@millrace/transport/kafka/group/taken.ts';
import { openParts } from '@millrace/transport/open.ts';
import type { Parts } from '@millrace/transport/parts.ts';
import type { OpenTraining } from '../ml/training.ts';
import type { OpenJobs } from '../open.ts';
import type { AnalyzeOptions, AnalyzeProgress } from '../run-options.ts';
import { Overtaken, serveTerm } from '../term.ts';
import { NOTHING_DONE } from '../totals.ts';
import { DoneElsewhere } from './done-elsewhere.ts';
import { withEarlier } from './earlier.ts';

const LOOK_MS = 100;
/** how often one that stands by says that it is there, ms */
const TELL_MS = 1000;
/** all of the analyzer is one slot */
const SLOT = 0;

/** What the analyzer gives to, files aside. */
function writtenTopics({ name, analyze, deadLetter }: AnalyzeOptions['plan']): string[] {
  const sinks = analyze.sinks.flatMap((sink) => (sink.type === 'topic' ? [sink.topic] : []));
  return [...new Set([...sinks, deadLetter.topic, modelsTopic(name)])];
}

/** Where processes have one analyzer between them: the log and ledger, and the group that says whose it is. */
export interface GroupOptions extends AnalyzeOptions {
  /** instead of the profile's; closed at the end */
  readonly parts?: Parts;
}

/**
 * Takes part in the analyzer of a plan: of the processes that do, the group gives it to one, and the others stand by until that one leaves, dies or stands still. Runs until its
 * signal, the end (`untilEnd`, whoever comes to it, or as the trigger says) or an error. One that loses the analyzer stands by again.
 */
export async function analyzeInGroup(options: GroupOptions, openTraining: OpenTraining | null, openJobs?: OpenJobs): Promise<AnalyzeProgress> {
  const { plan, profile, dataDir, clock, onEvent } = options;
  const place = { dataDir, pipeline: plan.name, host: 'analyze', written: writtenTopics(plan), clock };
  const parts = options.parts ?? (await openParts(profile.transport, place));
  try {
    const membership = await parts.join({
      group: `${plan.name}.analyze`,
      slots: 1,
      topics: new Map(),
      plan: plan.analyze.hash,
      instance: profile.transport.kafka?.instance ?? null,
      onEvent,
    });
    try {
      return await new Candidate(options, parts, membership, (term) => serveTerm(term, openTraining, openJobs)).run();
    } finally {
      await membership.leave();
    }
  } finally {
    await parts.close();
  }
}

class Candidate {
  readonly #options: AnalyzeOptions;
  readonly #parts: Parts;
  readonly #membership: Membership;
  readonly #serveTerm: (options: AnalyzeOptions) => Promise<AnalyzeProgress>;
  readonly #elsewhere: DoneElsewhere;
  readonly #began: number;
  /** a term is over */
  readonly #news = new Arrivals();
  /** in all terms so far */
  #done: AnalyzeProgress = NOTHING_DONE;
  /** when another took the analyzer without a word of the group: not opened again before the group has spoken, or for a while */
  #taken: Taken | null = null;
  /** whether it has said that it stands by */
  #standsBy = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: AnalyzeOptions, parts: Parts, membership: Membership, serve: (options: AnalyzeOptions) => Promise<AnalyzeProgress>) {
    this.#options = options;
    this.#parts = parts;
    this.#membership = membership;
    this.#serveTerm = serve;
    this.#elsewhere = new DoneElsewhere(options, parts);
    this.#began = options.clock.monotonic();
  }

  async run(): Promise<AnalyzeProgress> {
    for (;;) {
      if (!(await this.#elected())) break;
      if (await this.#serve()) break;
    }
    return this.#tell({ ...this.#done, state: 'done' });
  }

  /** Waits until the group gives the analyzer to this process; false: there is nothing to wait for. @throws what has ended the membership */
  async #elected(): Promise<boolean> {
    while (!this.#options.signal.aborted) {
      const mine = this.#mine;
      // who has come to the end has left, and is not to be repeated
      if ((!mine || this.#standsBy) && (await this.#elsewhere.seen(mine))) return false;
      if (mine) return true;
      this.#standBy();
      await this.#membership.changed(LOOK_MS);
    }
    return false;
  }

  get #mine(): boolean {
    const { assigned, generation, confirmed } = this.#membership;
    // what was said before this process stood still is no word any more
    return confirmed && assigned.includes(SLOT) && !isTaken(this.#taken, generation, this.#options.clock.monotonic());
  }

  #standBy(): void {
    const { clock, onEvent, plan } = this.#options;
    if (!this.#standsBy)
      onEvent({
        level: 'info',
        code: 'standing_by',
        message: `Another process has the analyzer of ${plan.name}: standing by to take over, one of ${this.#membership.members}.`,
      });
    this.#standsBy = true;
    if (clock.monotonic() - this.#toldAt < TELL_MS) return;
    this.#toldAt = clock.monotonic();
    // of where things are now only the one that works can tell
    this.#tell({ ...this.#done, batch: this.#elsewhere.committed, lag: {}, watermarks: {}, models: {}, state: 'standing_by' });
  }

  #tell(progress: AnalyzeProgress): AnalyzeProgress {
    const now = { ...progress, elapsedMs: this.#options.clock.monotonic() - this.#began };
    this.#options.onProgress(now);
    return now;
  }

  /** Works until it is told to stop, or another is to have the analyzer: then false. */
  async #serve(): Promise<boolean> {
    const { clock, onEvent, plan, signal } = this.#options;
    const membership = this.#membership;
    if (this.#standsBy) onEvent({ level: 'info', code: 'taking_over', message: `Taking over the analyzer of ${plan.name}.` });
    this.#standsBy = false;
    membership.owns([SLOT]);
    const withdrawn = new AbortController();
    let [over, generation] = [false, membership.generation];
    const term = this.#term(AbortSignal.any([signal, withdrawn.signal])).finally(() => {
      over = true;
      this.#news.notify();
    });
    term.catch(() => {});
    try {
      while (!over) {
        if (membership.assigned.includes(SLOT)) generation = membership.generation;
        else withdrawn.abort();
        await Promise.race([membership.changed(LOOK_MS), this.#news.wait(LOOK_MS)]);
      }
      await term;
    } catch (error) {
      withdrawn.abort();
      await term.catch(() => {});
      if (!(error instanceof Overtaken)) throw error;
      onEvent({ level: 'warn', code: 'analyzer_taken', message: error.message });
      this.#taken = { generation, at: clock.monotonic() };
      return false;
    } finally {
      membership.owns([]);
    }
    return signal.aborted || !withdrawn.signal.aborted;
  }

  async #term(signal: AbortSignal): Promise<void> {
    const { plan } = this.#options;
    const before = this.#done;
    const part = await this.#parts.part(null).catch((error: unknown) => {
      throw error instanceof MillraceError && error.code === 'fenced' ? new Overtaken(plan.name, error) : error;
    });
    try {
      await this.#serveTerm({
        ...this.#options,
        signal,
        transport: part,
        onProgress: (now) => {
          this.#done = withEarlier(before, now);
          // whether all is done is not for one term to say
          if (now.state !== 'done') this.#tell(this.#done);
        },
      });
    } finally {
      await part.close();
    }
  }
}
