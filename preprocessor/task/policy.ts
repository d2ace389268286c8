import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Position } from '@millrace/transport/log.ts';
import { SourceInput, type TaskInput } from './inputs.ts';
import type { Journal } from './journal.ts';
import type { ModelChoice } from './model-choice.ts';
import type { TableChoice } from './table-choice.ts';
import { live, type Task } from './task.ts';

/** What a live task decides by, besides its inputs. Times in ms of a monotonic clock. */
export interface PolicySettings {
  readonly mergeWait: number;
  /** per input; Infinity for exchanges, whose writers say when they are idle */
  readonly idleAfter: readonly number[];
  readonly maxBytes: number;
  /** records a turn takes at most */
  readonly maxRecords: number;
  /** the same until the task has taken `maxRecords`, after a death; null: there was none */
  readonly wary: number | null;
  /** null: no step looks up */
  readonly tables: TableChoice | null;
}

/** how long an input may stand at its end before it is said to have lost what the outputs were made of, ms */
const LOST_MS = 10_000;

/** The run a task is in: its number, and where each input ends in it (null: it does not; 'writers': when the steps before say so). */
export interface RunEnds {
  readonly run: number;
  readonly ends: readonly (Position | 'writers' | null)[];
}

/** the record an input would take next, among all of its task */
function recordMark(input: TaskInput): string {
  return `${input.index}:${input.core.offset}`;
}

/**
 * Makes a task's entries while it is live: how inputs interleave, when one is idle, when the run ends. Nothing here shows in
 * a result except through the journal.
 */
export class Policy {
  readonly #task: Task;
  readonly #journal: Journal;
  readonly #settings: PolicySettings;
  readonly #run: RunEnds;
  /** since when an input has had nothing, −1 when it had; and whether a merge waits for it no more */
  readonly #silentSince: number[];
  readonly #out: boolean[];
  readonly #upstreamEnded: (input: number) => boolean;
  /** null: no step scores */
  readonly #models: ModelChoice | null;
  #waitingSince = -1;
  #lostSince = -1;
  /** what had left is still to be made again */
  catchingUp = true;
  /** records to take before as many are taken at a time as ever */
  #waryOf: number;
  /** takes no more from sources: the process is stopping or paused */
  draining = false;
  /** takes one record a turn, so that a commit stands before each, and calls this before it looks at one and before it takes it; null: not careful */
  careful: ((record: string, taking: boolean) => void) | null = null;
  /** the record that killed the process too often, as `recordMark` names it: it is skipped unseen */
  poison: string | null = null;

  constructor(
    task: Task,
    journal: Journal,
    settings: PolicySettings,
    run: RunEnds,
    upstreamEnded: (input: number) => boolean,
    models: ModelChoice | null = null,
  ) {
    this.#task = task;
    this.#journal = journal;
    this.#settings = settings;
    this.#run = run;
    this.#upstreamEnded = upstreamEnded;
    this.#models = models;
    this.#waryOf = settings.wary === null ? 0 : settings.maxRecords;
    this.#silentSince = task.parts.inputs.map(() => -1);
    this.#out = task.parts.inputs.map(() => false);
    task.parts.inputs.forEach((input, i) => {
      const end = run.ends[i];
      input.reader.limit(end === null || end === 'writers' || end === undefined ? null : end);
    });
  }

  /** after a death it still takes little at a time */
  get wary(): boolean {
    return this.#waryOf > 0;
  }

  /** number of the run this task is in */
  get run(): number {
    return this.#run.run;
  }

  /** Does what can be done now. `now`: monotonic ms. */
  turn(now: number): void {
    const { core, inputs } = this.#task.parts;
    if (this.catchingUp && !this.#caughtUp(now)) return;
    if (core.run < this.#run.run) this.#apply(['begin', this.#run.run]);
    if (core.ended) return;
    if (!this.#lookups(now)) return;
    this.#models?.look(now);
    if (inputs.length === 1) this.#single(inputs[0] as TaskInput);
    else this.#merge(now);
    for (const input of inputs) this.#silence(input, now);
    if (core.ended || !inputs.every((input) => input.core.ended)) return;
    this.#apply(['end']);
    probe('end.marked');
  }

  /** Settles which versions of tables the next records are looked up in; false: they have to wait for one. */
  #lookups(now: number): boolean {
    const { tables } = this.#settings;
    const changes = tables === null ? [] : tables.before(now);
    for (const [table, version] of changes ?? []) this.#apply(['table', table, version]);
    return changes !== null;
  }

  /**
   * Makes again what had left, and was not in the journal. That is all that follows from what a task with one input took after its last choice: a choice is durable before
   * anything that comes of it leaves, and with several inputs a take is one. So the same is made by taking alone, as the input log holds what was once taken from it; and
   * nothing may be chosen before it is, or it would stand there with another content.
   */
  #caughtUp(now: number): boolean {
    const { inputs } = this.#task.parts;
    const input = inputs[0] as TaskInput;
    const alone = inputs.length === 1 && !input.core.ended;
    for (let left = this.#limit; left > 0 && this.#task.behind; left--) {
      if (!alone) throw lost('its journal');
      if (!input.fill(this.#settings.maxBytes, this.#limit)) {
        this.#awaitInput(input, now);
        return false;
      }
      this.#lostSince = -1;
      this.careful?.(recordMark(input), true);
      live(this.#task, this.#journal, ['take', 0, 1]);
    }
    this.catchingUp = this.#task.behind;
    return !this.catchingUp;
  }

  #awaitInput({ core, reader }: TaskInput, now: number): void {
    if (reader.behind || !reader.reached(reader.end())) this.#lostSince = -1;
    else if (this.#lostSince < 0) this.#lostSince = now;
    else if (now - this.#lostSince > LOST_MS) throw lost(core.name);
  }

  #apply(entry: Parameters<Journal['add']>[0]): void {
    live(this.#task, this.#journal, entry);
  }

  #fill(input: TaskInput): boolean {
    if (input.core.ended || (this.draining && input instanceof SourceInput) || !input.fill(this.#settings.maxBytes, this.#limit)) return false;
    this.#silentSince[input.index] = -1;
    this.#out[input.index] = false;
    return true;
  }

  get #limit(): number {
    const { maxRecords, wary } = this.#settings;
    if (this.careful !== null) return 1;
    return this.#waryOf > 0 && wary !== null ? Math.min(wary, maxRecords) : maxRecords;
  }

  #single(input: TaskInput): void {
    if (this.#fill(input) && this.#chosen() && !this.#skipped(input)) this.#take(0, Math.min(input.inHand, this.#limit));
  }

  #skipped(input: TaskInput): boolean {
    if (this.poison === null || this.poison !== recordMark(input)) return false;
    this.poison = null;
    this.#apply(['skip', input.index]);
    return true;
  }

  #take(input: number, count: number): void {
    this.careful?.(recordMark(this.#task.parts.inputs[input] as TaskInput), true);
    this.#waryOf -= count;
    if (this.#models === null) live(this.#task, this.#journal, ['take', input, count]);
    else this.#takeByModels(input, count, this.#models);
  }

  /** a take stops where there is a model to choose, and goes on when it is chosen */
  #takeByModels(input: number, count: number, models: ModelChoice): void {
    for (let left = count; left > 0 && this.#chosen(); ) {
      const taken = this.#task.takeUntil(input, left, models.limit);
      if (taken > 0) this.#journal.take(input, taken);
      left -= taken;
      if (left > 0 && (this.#task.parts.inputs[input] as TaskInput).brings(models.limit)) this.#apply(['hear', input]);
    }
  }

  /** Settles which models the next record is scored with; false: it has to wait for one. */
  #chosen(): boolean {
    const changes = this.#models === null ? [] : this.#models.before(this.#task.time.watermark);
    for (const [model, hash] of changes ?? []) this.#apply(['model', model, hash]);
    return changes !== null;
  }

  /** the earliest head goes first, ties in order of declaration; an input without a head is waited for unless it can bring nothing earlier */
  #merge(now: number): void {
    const { inputs } = this.#task.parts;
    for (let taken = 0; taken < this.#limit; taken++) {
      let first = -1;
      let time = Number.POSITIVE_INFINITY;
      for (const input of inputs) {
        if (!this.#fill(input)) {
          this.#ended(input);
          continue;
        }
        if (!input.core.spoken && input instanceof SourceInput) this.#apply(['holds', input.index]);
        if (this.poison === recordMark(input) && !this.#chosen()) return;
        if (this.#skipped(input)) return;
        this.careful?.(recordMark(input), false);
        const head = input.headTime();
        if (first < 0 || head < time) {
          first = input.index;
          time = head;
        }
      }
      if (first < 0 || this.#blocked(time, now) || !this.#chosen()) return;
      this.#take(first, 1);
    }
  }

  /** whether some input without a head could still bring a record before `time`, and is worth waiting for */
  #blocked(time: number, now: number): boolean {
    let blocked = false;
    for (const { core, inHand, index, reader } of this.#task.parts.inputs) {
      if (inHand > 0 || core.ended || core.idle || this.#out[index] || core.watermark >= time) continue;
      if (this.#waitingSince < 0) this.#waitingSince = now;
      if (now - this.#waitingSince >= this.#settings.mergeWait && !reader.behind) this.#out[index] = true;
      else blocked = true;
    }
    if (!blocked) this.#waitingSince = -1;
    return blocked;
  }

  #ended(input: TaskInput): boolean {
    if (input.core.ended) return true;
    const end = this.#run.ends[input.index];
    if (end === null || end === undefined) return false;
    const reached =
      end === 'writers' ? (input instanceof SourceInput ? this.#upstreamEnded(input.index) : this.#task.writersEnded(input)) : input.reader.reached(end);
    // what the writers wrote before they said so may have come in between the two looks
    if (!reached || input.fill(this.#settings.maxBytes)) return false;
    this.#apply(['ended', input.index]);
    return true;
  }

  #silence(input: TaskInput, now: number): void {
    const { core, index } = input;
    if (input.inHand > 0 || core.ended || this.#fill(input) || this.#ended(input)) return;
    if (core.idle || !core.spoken) return;
    const since = this.#silentSince[index] as number;
    if (since < 0) this.#silentSince[index] = now;
    else if (now - since >= (this.#settings.idleAfter[index] as number) && !input.reader.behind) this.#apply(['idle', index]);
  }
}

function lost(where: string): MillraceError {
  return new MillraceError('log_too_short', `more stands in the outputs than can be made again: the end of ${where} is lost`);
}
