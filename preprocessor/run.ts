import { probe } from '@millrace/runtime/probe.ts';
import { startCrew } from './crew.ts';
import type { RunRecord } from './lifecycle.ts';
import { Opened } from './open-pipeline.ts';
import type { RunOptions, RunProgress } from './run-options.ts';
import { Totals } from './totals.ts';
import { Watch } from './watch.ts';

/** Runs the record stage of a plan until its signal, its end (`untilEnd`) or an error (`MillraceError`, or a defect). */
export async function run(options: RunOptions): Promise<RunProgress> {
  // on Kafka processes and threads share a pipeline; the client is loaded only there
  if (options.profile.transport.kafka !== null && !options.transport) {
    if (options.profile.parallelism > 1) return (await import('./slots/threads.ts')).runThreads(options);
    return (await import('./slots/run.ts')).runShared(options);
  }
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
    totals.addTables(opened.tables.drainCounts());
    return totals.progress('done');
  } catch (error) {
    await opened.close(false);
    throw error;
  }
}

async function oneRun(opened: Opened, runRecord: RunRecord, options: RunOptions, totals: Totals): Promise<void> {
  totals.state = 'recovering';
  const crew = await startCrew(opened, runRecord, options);
  const watch = new Watch(options, totals, runRecord.ends !== null);
  probe('run.started');
  totals.state = 'running';
  const stop = (): void => crew.stop();
  options.signal.addEventListener('abort', stop);
  if (options.signal.aborted) stop();
  const judge = (final: boolean): void => {
    if (watch.overspent(final)) crew.pause();
  };
  try {
    await crew.work(() => {
      opened.tables.look(options.clock.monotonic());
      if (!watch.due()) return;
      totals.addTables(opened.tables.drainCounts());
      watch.tick(crew.drainStats());
      judge(false);
    });
    watch.tick(crew.drainStats());
    if (runRecord.ends !== null && crew.ended) {
      judge(true);
      await opened.commitRun({ ...runRecord, finished: true });
      probe('run.finished');
    }
  } catch (error) {
    crew.stop();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', stop);
    await crew.close();
  }
}
