import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Operator, TaskTime } from '../operators/operator.ts';
import type { Chain } from './chain.ts';
import { sameCore, type TaskCore } from './core.ts';
import type { DeadLetters } from './dead-letter.ts';
import type { FileOutput } from './file-output.ts';
import { ExchangeInput, type InputHost, type TaskInput } from './inputs.ts';
import type { Entry, Journal } from './journal.ts';
import type { LogOutput } from './log-output.ts';

/** The parts of a task, wired by `assemble.ts`. */
export interface TaskParts {
  readonly core: TaskCore;
  readonly time: TaskTime;
  readonly inputs: readonly TaskInput[];
  readonly chain: Chain;
  readonly topics: readonly LogOutput[];
  readonly exchanges: readonly LogOutput[];
  /** outputs whose readers follow event time */
  readonly followed: readonly LogOutput[];
  readonly files: readonly FileOutput[];
  readonly deadLetters: DeadLetters;
  /** records dropped because the file says so, since the last drain */
  readonly dropped: { count: number };
  readonly useTable: (table: string, version: string) => void;
  /** @throws MillraceError model_missing, model_invalid */
  readonly useModel: (model: string, hash: string) => void;
}

const REPLAY_BYTES = 1 << 20;

/**
 * One input partition of one stage at work. It changes in one way only: by applying journal entries, live or replayed. It
 * knows no clock; what the input does not decide comes in as an entry.
 */
export class Task implements InputHost {
  readonly parts: TaskParts;
  readonly time: TaskTime;
  /** operators that keep timers, in the order of the file */
  readonly #timed: readonly Operator[];
  fires = 0;

  constructor(parts: TaskParts) {
    this.parts = parts;
    this.time = parts.time;
    this.#timed = parts.chain.steps.map(([, operator]) => operator).filter((operator) => operator.nextTimer !== undefined);
  }

  sourceFlaw(input: TaskInput, code: string, message: string): void {
    const source = input.core.name.slice(0, input.core.name.lastIndexOf('/'));
    const { onError } = input;
    if (onError === 'fail') throw new MillraceError('record_failed', `source ${source}, offset ${this.time.originOffset}: ${message} (${code})`);
    if (onError === 'drop') this.parts.dropped.count++;
    else this.parts.deadLetters.write(code, message, source, null, null);
  }

  /** Applies one entry whose records are at hand. */
  apply(entry: Entry): void {
    const { core, inputs } = this.parts;
    switch (entry[0]) {
      case 'take': {
        const input = inputs[entry[1]] as TaskInput;
        for (let n = entry[2]; n > 0; n--) input.take();
        break;
      }
      case 'holds':
        (inputs[entry[1]] as TaskInput).core.spoken = true;
        break;
      case 'idle':
        (inputs[entry[1]] as TaskInput).core.idle = true;
        this.moved();
        break;
      case 'begin':
        core.run = entry[1];
        core.ended = false;
        for (const input of inputs) {
          input.core.ended = false;
          // one that was quicker may have ended the run already
          for (const writer of input.core.writers) if (writer.ended < entry[1]) writer.ended = 0;
        }
        break;
      case 'ended':
        (inputs[entry[1]] as TaskInput).core.ended = true;
        this.moved();
        break;
      case 'end':
        core.ended = true;
        this.time.ending = true;
        this.#fire(Number.POSITIVE_INFINITY);
        this.time.ending = false;
        for (const output of this.parts.followed) output.end(core.run);
        break;
      case 'table':
        core.tables[entry[1]] = entry[2];
        this.parts.useTable(entry[1], entry[2]);
        break;
      case 'model':
        this.parts.useModel(entry[1], entry[2]);
        core.models[entry[1]] = entry[2];
        break;
      case 'hear':
        (inputs[entry[1]] as TaskInput).hear();
        break;
      case 'skip':
        (inputs[entry[1]] as TaskInput).skip('killed_process', 'processing this record ended the process three times');
        break;
    }
  }

  /**
   * Takes the least watermark of the inputs that count, and fires what it passes. An input that has ended counts with its own: +∞
   * is a mark of the run, set when all have ended, and the next run goes on where the data of each stood. When all are idle the furthest
   * counts, whichever fell silent last.
   */
  moved(): void {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (const { core } of this.parts.inputs) {
      if (core.idle) most = Math.max(most, core.watermark);
      if (core.idle || (!core.spoken && core.writers.length === 0)) continue;
      if (core.ended && core.watermark === Number.NEGATIVE_INFINITY) continue;
      if (core.watermark < least) least = core.watermark;
    }
    if (least === Number.POSITIVE_INFINITY) least = most;
    if (least <= this.time.watermark) return;
    this.#fire(least);
    if (this.time.watermark === Number.NEGATIVE_INFINITY) this.parts.core.born = least;
    this.time.watermark = least;
    this.parts.core.watermark = least;
  }

  /** Fires timers up to `limit` in the order (time, step). Rows that leave are judged as if the watermark moved step by step: by the one before their time. */
  #fire(limit: number): void {
    const timed = this.#timed;
    if (timed.length === 0) return;
    const { time } = this;
    const { eventTime, origin, originOffset } = time;
    for (;;) {
      let due = Number.POSITIVE_INFINITY;
      let first: Operator | null = null;
      for (const operator of timed) {
        const at = (operator.nextTimer as () => number)();
        if (at < due) {
          due = at;
          first = operator;
        }
      }
      if (first === null || due > limit) break;
      this.fires++;
      time.eventTime = due;
      time.judged = Math.max(due - 1, time.watermark);
      time.settled = Number.NEGATIVE_INFINITY;
      (first.fire as (at: number) => void)(due);
    }
    time.eventTime = eventTime;
    time.origin = origin;
    time.originOffset = originOffset;
  }

  /** Takes records of an input that are in hand until the watermark reaches `limit` or the next record brings it there, at most `count`; gives how many. */
  takeUntil(index: number, count: number, limit: number): number {
    const input = this.parts.inputs[index] as TaskInput;
    let taken = 0;
    while (taken < count && this.time.watermark < limit && !input.brings(limit)) {
      input.take();
      taken++;
    }
    return taken;
  }

  /** nothing is to be expected from this task until something speaks again */
  get idle(): boolean {
    return this.parts.inputs.every(({ core, reader }) => core.idle || core.ended || (!core.spoken && core.writers.length === 0 && !reader.behind));
  }

  /**
   * Applies what was journaled since the snapshot, with nothing leaving that had left, and checks that it comes out where the last
   * commit did. `wait` is awaited while an input has nothing ready.
   */
  async replay(entries: readonly Entry[], expected: TaskCore, wait: () => Promise<void>): Promise<void> {
    this.#replaying(true);
    for (const entry of entries) {
      if (entry[0] !== 'take') {
        if (entry[0] === 'skip' || entry[0] === 'hear') await this.#need(entry[1], 1, wait);
        this.apply(entry);
        continue;
      }
      for (let left = entry[2]; left > 0; ) {
        const ready = await this.#need(entry[1], left, wait);
        this.apply(['take', entry[1], ready]);
        left -= ready;
      }
    }
    probe('task.recovering');
    this.#replaying(false);
    this.#uncount();
    // an edited plan begins with a core that knows nothing of its outputs yet
    if (entries.length > 0 && !sameCore(this.parts.core, expected)) {
      throw new MillraceError(
        'replay_diverged',
        `a replay of the journal ends in another state than the one committed:\n${JSON.stringify(this.parts.core)}\n${JSON.stringify(expected)}`,
      );
    }
  }

  async #need(index: number, atMost: number, wait: () => Promise<void>): Promise<number> {
    const input = this.parts.inputs[index] as TaskInput;
    while (!input.fill(REPLAY_BYTES, atMost)) await wait();
    return Math.min(atMost, input.inHand);
  }

  #replaying(on: boolean): void {
    for (const file of this.parts.files) file.replaying = on;
  }

  /** whether something that had left, or was told of event time, is still to be made again */
  get behind(): boolean {
    const { topics, exchanges, deadLetters } = this.parts;
    if (deadLetters.behind) return true;
    const behind = (output: LogOutput): boolean => output.behind || output.toldBefore > this.time.watermark;
    return topics.some(behind) || exchanges.some(behind);
  }

  /** what a replay did over was counted when it was done first */
  #uncount(): void {
    const { inputs, topics, exchanges, files, deadLetters, dropped } = this.parts;
    for (const input of inputs) input.recordsIn = 0;
    for (const output of [...topics, ...exchanges, ...files]) output.drainCount();
    deadLetters.counts.clear();
    dropped.count = 0;
  }

  /** whether every writer of every exchange it reads has ended the run, by input */
  writersEnded(input: TaskInput): boolean {
    return input instanceof ExchangeInput && input.writersEnded;
  }
}

/** What a task needs to go on: applied live, and written down. */
export function live(task: Task, journal: Journal, entry: Entry): void {
  if (entry[0] === 'take') journal.take(entry[1], entry[2]);
  else journal.add(entry);
  task.apply(entry);
}
