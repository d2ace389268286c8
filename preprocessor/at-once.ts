import { setImmediate as macrotask, setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { Appender, Commit, Immediate, Transport } from '@millrace/transport/log.ts';
import type { Pace } from './commits.ts';
import type { Ends } from './ends.ts';
import type { Slices } from './operators/gradual.ts';
import type { Outflow, Work } from './outflow.ts';
import { Sends } from './sends.ts';
import type { OpenTask } from './task/open-task.ts';

/** Readers are told of event time this often, ms: with the wait between two turns that is within 20. */
const SPEAK_MS = 10;
/**
 * A snapshot is written for so long at a time, ms of processor time; records go on between, for so long unless somebody waits for it; and so many slices between two
 * looks at the clock. A large one would take too long that way: its pieces grow with what is written, as a share of it, up to a limit.
 */
const SAVE_MS = 1;
const SAVE_SHARE = 1 / 32;
const MOST_SAVE_MS = 20;
const REST_MS = 4;
const SLICES = 16;

/**
 * Lets out what tasks make as soon as it is made. What took a choice leaves behind its journal; what only takes made leaves by itself, and its journal follows
 * within the pace.
 */
export class AtOnce implements Outflow {
  readonly #work: Work;
  readonly #clock: Clock;
  readonly #sends: Sends;
  readonly #pace: Pace;
  #notedAt = Number.NEGATIVE_INFINITY;
  #spokenAt = Number.NEGATIVE_INFINITY;
  /** something stays until a send or a snapshot is done */
  #held = false;
  /** a snapshot is waited for */
  #hurried = false;

  constructor(work: Work, transport: Transport, immediate: Immediate, clock: Clock, fence: Commit['fence'], pace: Pace, ends: Ends) {
    this.#work = work;
    this.#clock = clock;
    this.#pace = pace;
    this.#sends = new Sends(transport, immediate, clock, fence, ends);
  }

  /** Before anything of a task leaves at once its snapshot says that it may have. */
  async begin(): Promise<void> {
    this.#hurried = true;
    const undeclared = this.#work.tasks.filter((task) => task.undeclared);
    if (undeclared.length > 0) this.#save(undeclared, this.#clock.monotonic());
    await this.#sends.settled();
  }

  async turn(now: number, pending: number, stopping: boolean): Promise<boolean> {
    const sends = this.#sends;
    const { tasks, due } = this.#work;
    sends.check();
    this.#held = false;
    // a death is to find what was done before it
    const { careful } = this.#work;
    this.#hurried = careful;
    if (careful) await sends.settled();
    while (sends.bytes > 0 && pending + sends.bytes >= this.#pace.bytes) {
      await sends.moved();
      sends.check();
    }
    if (!sends.free) {
      this.#held = tasks.some((task) => task.leaving().length > 0);
      return false;
    }
    if (now - this.#spokenAt >= SPEAK_MS || stopping) {
      this.#spokenAt = now;
      for (const task of tasks) task.speak();
    }
    const saving = due.size > 0 && !sends.saving ? tasks.filter((task) => due.has(task) && !task.catchingUp) : [];
    for (const task of saving) if (task.unsettled) await task.settle();
    const sent = this.#send(now, careful || stopping);
    if (saving.length > 0 && !this.#held) this.#save(saving, now);
    if (careful) await sends.settled();
    return sent;
  }

  /** Sends what may leave; true when there was something. */
  #send(now: number, all: boolean): boolean {
    const { tasks, worked } = this.#work;
    const noting = all || now - this.#notedAt >= this.#pace.every;
    const free: Appender[] = [];
    const chosen: OpenTask[] = [];
    const noted: OpenTask[] = [];
    for (const task of tasks) {
      const leaving = task.leaving();
      const waits = task.chosen || (this.#work.caution !== null && (worked.has(task) || leaving.length > 0));
      if (waits) chosen.push(task);
      else free.push(...leaving);
      if (!waits && noting && worked.has(task)) noted.push(task);
    }
    if (free.length > 0) {
      probe('batch.processed');
      this.#sends.begin(free, []);
    }
    if (chosen.length + noted.length === 0) return free.length > 0;
    if (this.#sends.saving) {
      this.#held = true;
      this.#hurried ||= chosen.length > 0;
      return free.length > 0;
    }
    const commits: Pick<Commit, 'appenders' | 'puts'>[] = [...chosen, ...noted].map((task) => task.commit());
    if (this.#work.caution) commits.push({ appenders: [], puts: this.#work.suspicion() });
    probe('batch.processed');
    this.#sends.begin(
      commits.flatMap((commit) => commit.appenders),
      commits.flatMap((commit) => commit.puts),
      chosen.length > 0,
    );
    for (const task of [...chosen, ...noted]) worked.delete(task);
    if (noting) this.#notedAt = now;
    return true;
  }

  /** Saves tasks of which all that they made is sent, as they are now. */
  #save(tasks: readonly OpenTask[], now: number): void {
    const begun = this.#clock.cpu();
    probe('snapshot.before');
    const cuts = tasks.map((task) => task.snapshot(now));
    const cost = this.#clock.cpu() - begun;
    this.#sends.save(async (ends) => {
      const ended = tasks.map((task) => task.ends(ends.of(task.topics)));
      const rest = await this.#write(cuts.map(({ slices }) => slices));
      const commits = cuts.map((cut) => cut.commit());
      if (commits.some(({ appenders }) => appenders.length > 0)) throw new Error('a snapshot counts records that were not sent');
      for (const task of tasks) task.budget.saved((cost + rest) / tasks.length);
      return {
        appenders: [],
        puts: [...commits.flatMap(({ puts }) => puts), ...ended],
        deleteRanges: commits.flatMap(({ deleteRanges }) => deleteRanges ?? []),
        truncate: commits.flatMap(({ truncate }) => truncate ?? []),
        gently: !this.#hurried,
      };
    });
    for (const task of tasks) {
      this.#work.due.delete(task);
      this.#work.worked.delete(task);
    }
  }

  /** Writes what is left of a snapshot, and gives what that cost, ms of processor time. */
  async #write(all: readonly Slices[]): Promise<number> {
    const clock = this.#clock;
    let cost = 0;
    for (const slices of all) {
      for (let done = false; !done; ) {
        const begun = clock.cpu();
        const most = Math.min(MOST_SAVE_MS, Math.max(SAVE_MS, cost * SAVE_SHARE));
        do for (let n = 0; n < SLICES && !done; n++) done = slices.next().done === true;
        while (!done && clock.cpu() - begun < most);
        cost += clock.cpu() - begun;
        if (!done) await (this.#hurried ? macrotask() : sleep(REST_MS));
        this.#sends.check();
      }
    }
    return cost;
  }

  async rest(now: number, most: number, wait: (ms: number) => Promise<void>): Promise<void> {
    const due = this.#work.worked.size > 0 ? Math.max(0, this.#notedAt + this.#pace.every - now) : most;
    const news = wait(Math.min(most, due));
    await (this.#held ? Promise.race([news, this.#sends.moved()]) : news);
  }

  async finish(): Promise<void> {
    this.#hurried = true;
    const { tasks, worked } = this.#work;
    await this.#sends.settled();
    for (const task of tasks) if (task.unsettled) await task.settle();
    const now = this.#clock.monotonic();
    this.#send(now, true);
    await this.#sends.settled();
    const saved = tasks.filter((task) => !task.catchingUp && (task.unsaved || worked.has(task)));
    if (saved.length > 0) this.#save(saved, now);
    await this.#sends.settled();
  }

  drainCounts(): ReturnType<Outflow['drainCounts']> {
    return this.#sends.drainCounts();
  }
}
