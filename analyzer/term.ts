import { createHash } from 'node:crypto';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchOutcome } from './batch/batches.ts';
import { Pause } from './batch/pause.ts';
import { nextDue } from './batch/trigger.ts';
import type { RunWord } from './batch/words.ts';
import type { OpenTraining } from './ml/training.ts';
import { type Opened, type OpenJobs, openAnalyzer } from './open.ts';
import type { AnalyzeOptions, AnalyzeProgress } from './run-options.ts';
import { Totals } from './totals.ts';

/** how long a batch's absence is waited for when the trigger says at once, ms */
const POLL_MS = 50;
const NO_LIMITS: RunWord['ends'] = {};

/** Another process has the analyzer by now: what this one had under way is refused, and is the other's to do. */
export class Overtaken extends MillraceError {
  constructor(pipeline: string, cause: unknown) {
    super('fenced', `Another process has taken over the analyzer of ${pipeline}.`, { cause });
  }
}

/**
 * One term of the analyzer: from its opening, over whatever is to be recovered, until its signal, its end (`untilEnd`, or as its trigger says) or an error.
 * @throws Overtaken, Dismissed, MillraceError …
 */
export async function serveTerm(options: AnalyzeOptions, openTraining: OpenTraining | null, openJobs?: OpenJobs): Promise<AnalyzeProgress> {
  const opened = await openAnalyzer(options, openTraining, openJobs);
  try {
    return await new Run(options, opened).toItsEnd();
  } catch (error) {
    // whoever has taken over may have removed what was still to be read here
    throw (await opened.checkpoint.lost()) ? new Overtaken(options.plan.name, error) : error;
  } finally {
    await opened.close();
  }
}

class Run {
  readonly #options: AnalyzeOptions;
  readonly #opened: Opened;
  readonly #totals: Totals;
  readonly #maxRecords: number | null;

  constructor(options: AnalyzeOptions, opened: Opened) {
    this.#options = options;
    this.#opened = opened;
    this.#totals = new Totals(options.clock, opened.batches, runId(options));
    const { kind, maxRecords } = options.plan.analyze.trigger;
    this.#maxRecords = kind === 'once' ? null : (options.maxRecords ?? maxRecords);
  }

  async toItsEnd(): Promise<AnalyzeProgress> {
    const { onEvent, onProgress, signal, untilEnd, plan } = this.#options;
    const { batches, checkpoint } = this.#opened;
    await batches.recover();
    this.#totals.state = 'running';
    onProgress(this.#totals.progress());
    const unfinished = checkpoint.run();
    if (unfinished && !unfinished.finished && isFinal(unfinished)) {
      onEvent({ level: 'info', code: 'run_resumed', message: `run ${unfinished.run} of analyze was interrupted: finishing it to the end it had first` });
      await this.#finish(unfinished);
    }
    if (signal.aborted) return this.#left();
    if (untilEnd !== null) await this.#untilEnd(untilEnd);
    else if (plan.analyze.trigger.kind === 'every') await this.#stream(null, NO_LIMITS);
    else await this.#whatIsThere();
    return this.#left();
  }

  #left(): AnalyzeProgress {
    const progress = this.#totals.progress('done');
    this.#options.onProgress(progress);
    return progress;
  }

  /** Batches as the record stage works; once it has ended, to the ends of its topics. */
  async #untilEnd(recordStage: Promise<void>): Promise<void> {
    const { plan, signal } = this.#options;
    const { checkpoint, batches } = this.#opened;
    const { sources } = batches.parts;
    const last = checkpoint.run();
    const ends = Object.fromEntries(
      await Promise.all(sources.map(async (source) => [source.plan.id, source.plan.output === null ? await source.ends() : null] as const)),
    );
    let run: RunWord = last && !last.finished && !isFinal(last) ? last : { run: (last?.run ?? 0) + 1, ends, finished: false };
    await checkpoint.writeRun(run);
    if (plan.analyze.trigger.kind === 'every') await this.#stream(recordStage, run.ends);
    else await new Pause(signal, recordStage).untilEnded();
    if (signal.aborted) return;
    const known = run.ends;
    const all = await Promise.all(sources.map(async (source) => [source.plan.id, known[source.plan.id] ?? (await source.ends())] as const));
    run = { ...run, ends: Object.fromEntries(all) };
    await checkpoint.writeRun(run);
    await this.#finish(run);
  }

  /** Everything up to the ends, then the end itself, which closes what is open. */
  async #finish(run: RunWord): Promise<void> {
    const { checkpoint, batches } = this.#opened;
    while (await this.#batch(() => batches.next(run.ends, this.#maxRecords)));
    if (this.#options.signal.aborted) return;
    if (batches.due(true) || batches.due(false)) await this.#batch(() => batches.empty('end'), true);
    else await checkpoint.writeRun({ ...run, finished: true });
  }

  /** `available_now` and `once`: to where the sources end now; only the former lets go at last what its watermark has closed. */
  async #whatIsThere(): Promise<void> {
    const { batches } = this.#opened;
    const ends = Object.fromEntries(await Promise.all(batches.parts.sources.map(async (source) => [source.plan.id, await source.ends()] as const)));
    while (await this.#batch(() => batches.next(ends, this.#maxRecords)));
    if (this.#options.plan.analyze.trigger.kind === 'available_now' && batches.due(false)) await this.#batch(() => batches.empty('no_data'));
  }

  /** A batch a trigger, until told to stop or the record stage has ended. */
  async #stream(recordStage: Promise<void> | null, limits: RunWord['ends']): Promise<void> {
    const { clock, plan, signal } = this.#options;
    const { trigger } = plan.analyze;
    const { batches, transport } = this.#opened;
    const pause = new Pause(signal, recordStage);
    for (let due = clock.now(); !pause.over; ) {
      const now = clock.now();
      if (now < due) {
        await pause.wait(due - now);
        continue;
      }
      const seen = transport.log.version();
      const ran = await this.#batch(async () => (await batches.next(limits, this.#maxRecords)) ?? (batches.due(false) ? batches.empty('no_data') : null));
      due = nextDue(trigger, clock.now());
      if (ran) await pause.breathe();
      else {
        this.#options.onProgress(this.#totals.progress());
        if (trigger.every === 0) await transport.log.wait(POLL_MS, seen);
      }
    }
    await pause.untilEnded();
  }

  /** False when there was no batch to run, or it is to stop; `last`: run it though it is to stop. */
  async #batch(run: () => Promise<BatchOutcome | null>, last = false): Promise<boolean> {
    const { clock, onBatch, onProgress, signal } = this.#options;
    if (signal.aborted && !last) return false;
    const began = clock.monotonic();
    const outcome = await run();
    if (outcome === null) return false;
    onBatch(this.#totals.add(outcome, began));
    onProgress(this.#totals.progress(signal.aborted ? 'stopping' : 'running'));
    return true;
  }
}

/** the same for all batches of this process' run, and no other's */
function runId({ clock, plan }: AnalyzeOptions): string {
  const hex = createHash('sha256').update(`${plan.name} ${process.pid} ${clock.now()}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** whether every source's end is settled */
function isFinal(run: RunWord): boolean {
  return Object.values(run.ends).every((ends) => ends !== null);
}
