import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import { DeadLetterBudget } from './budget.ts';
import { startCrew } from './crew.ts';
import type { RunRecord } from './lifecycle.ts';
import { Opened } from './open-pipeline.ts';
import type { RunOptions, RunProgress } from './run-options.ts';
import type { Notice } from './stats.ts';
import { Totals } from './totals.ts';

const PROGRESS_MS = 200;

/** Runs the record stage of a plan until its signal, its end (`untilEnd`) or an error (`MillraceError`, or a defect). */
export async function run(options: RunOptions): Promise<RunProgress> {
  const opened = await Opened.open(options);
  const totals = new Totals(options);
  try {
    const unfinished = opened.run.ends !== null && !opened.run.finished;
    if (unfinished) {
      options.onEvent({ level: 'info', code: 'run_resumed', message: `run ${opened.run.run} was interrupted: finishing it to the end it had first` });
      await oneRun(opened, opened.run, options, totals);
    }
    if (!options.signal.aborted) {
      const next: RunRecord = { run: opened.run.run + 1, ends: options.untilEnd ? await opened.ends() : null, finished: false };
      await opened.commitRun(next);
      await oneRun(opened, next, options, totals);
    }
    await opened.close(true);
    return totals.progress('done');
  } catch (error) {
    await opened.close(false);
    throw error;
  }
}

async function oneRun(opened: Opened, runRecord: RunRecord, options: RunOptions, totals: Totals): Promise<void> {
  totals.state = 'recovering';
  const crew = await startCrew(opened, runRecord, options);
  const budget = options.plan.deadLetter.budget;
  const watch = budget ? new DeadLetterBudget(budget) : null;
  probe('run.started');
  totals.state = 'running';
  // tasks notice the same things, each for itself
  const said = new Set<string>();
  const say = (notice: Notice): void => {
    if (!said.has(notice.message)) options.onEvent(notice);
    said.add(notice.message);
  };
  const stop = (): void => crew.stop();
  options.signal.addEventListener('abort', stop);
  if (options.signal.aborted) stop();
  const overspent = (final: boolean): void => {
    if (!watch?.over(final)) return;
    const message = `more than ${(budget?.ratio as number) * 100} % of the records became dead letters`;
    if (runRecord.ends !== null) {
      crew.stop();
      throw new MillraceError('dead_letter_budget', message);
    }
    if (totals.state === 'running') options.onEvent({ level: 'error', code: 'dead_letter_budget', message: `${message}: paused` });
    totals.state = 'paused';
    crew.pause();
  };
  const tick = (): void => {
    const stats = crew.drainStats();
    totals.add(stats);
    for (const notice of stats.notices) say(notice);
    const dead = Object.values(stats.dead).reduce((sum, count) => sum + count, 0);
    watch?.add(options.clock.monotonic(), stats.recordsIn, dead);
    options.onProgress(totals.progress());
  };
  let last = options.clock.monotonic();
  try {
    await crew.work(() => {
      const now = options.clock.monotonic();
      if (now - last < PROGRESS_MS) return;
      last = now;
      if (options.signal.aborted) totals.state = 'stopping';
      tick();
      overspent(false);
    });
    tick();
    if (runRecord.ends !== null && crew.ended) {
      overspent(true);
      await opened.commitRun({ ...runRecord, finished: true });
      probe('run.finished');
    }
  } finally {
    options.signal.removeEventListener('abort', stop);
    await crew.close();
  }
}
