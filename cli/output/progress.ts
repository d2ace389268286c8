import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { StageProgress } from '../stages.ts';
import type { Style } from './color.ts';
import { count, duration, rate, time } from './numbers.ts';
import { cut, widthOf } from './width.ts';

/** Records a second over the last few seconds, so that the number follows what happens now. */
export class RateMeter {
  readonly #window: number;
  readonly #samples: { at: number; n: number }[] = [{ at: 0, n: 0 }];
  constructor(windowMs = 3000) {
    this.#window = windowMs;
  }

  /** Takes the count `n` at `at` ms of the run; gives the rate up to there. */
  add(at: number, n: number): number {
    this.#samples.push({ at, n });
    while (this.#samples.length > 2 && this.#samples[1].at <= at - this.#window) this.#samples.shift();
    const first = this.#samples[0];
    return at > first.at ? ((n - first.n) * 1000) / (at - first.at) : 0;
  }
}

/** How far a run is, in one line of at most `columns`; parts that do not fit are left out from the right. */
export function progressLine(progress: StageProgress, perSecond: number, columns: number, style: Style, analyze: AnalyzeProgress | null = null): string {
  const written = Object.values(progress.out).reduce((sum, n) => sum + n, 0);
  const parts = [
    state(progress, style),
    `${style.bold(count(progress.recordsIn))} in`,
    rate(perSecond),
    `${count(written)} out`,
    ...(progress.deadLetters > 0 ? [style.yellow(`${count(progress.deadLetters)} dead`)] : []),
    ...(progress.dropped > 0 ? [`${count(progress.dropped)} dropped`] : []),
    ...(analyze === null ? [] : batches(analyze)),
    ...(progress.fraction === null ? lag(progress.lag) : [bar(progress.fraction, style)]),
    ...(progress.watermark === null || !Number.isFinite(progress.watermark) ? [] : [style.dim(`watermark ${time(progress.watermark)}`)]),
  ];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line}  ${part}`;
    if (widthOf(longer) > columns - 1) break;
    line = longer;
  }
  return line;
}

const STANDING_BY = 'standing by';
const STATES: Readonly<Record<StageProgress['state'], string>> = {
  recovering: 'recovering',
  running: '',
  paused: 'paused',
  stopping: 'stopping',
  done: 'done',
  standing_by: STANDING_BY,
};

function state(progress: StageProgress, style: Style): string {
  const word = STATES[progress.state];
  return `${style.dim(duration(progress.elapsedMs).padStart(6))}${word === '' ? '' : `  ${progress.state === 'done' ? style.green(word) : style.yellow(word)}`}`;
}

const CELLS = 20;

function bar(fraction: number, style: Style): string {
  const clamped = Math.max(0, Math.min(1, fraction));
  const full = Math.floor(clamped * CELLS);
  return `${style.green('█'.repeat(full))}${style.dim('░'.repeat(CELLS - full))} ${Math.floor(clamped * 100)}%`;
}

function batches({ batches: n, lag: behind, state }: AnalyzeProgress): string[] {
  if (state === 'standing_by') return [`analyzer ${STANDING_BY}`];
  const rows = Object.values(behind).reduce((sum, one) => sum + one, 0);
  return [`${count(n)} ${n === 1 ? 'batch' : 'batches'}${rows > 0 ? `, ${count(rows)} to go` : ''}`];
}

/** A source that is all caught up says nothing. */
function lag(bySource: StageProgress['lag']): string[] {
  const behind = Object.entries(bySource).filter(([, n]) => n > 0);
  return behind.length === 0 ? [] : [`behind ${behind.map(([id, n]) => `${cut(id, 24)} ${count(n)}`).join(', ')}`];
}

/** What every report about a run says in machine form; keys are stable. */
export function progressDocument(event: 'progress' | 'done', progress: StageProgress, analyze: AnalyzeProgress | null = null): Record<string, unknown> {
  return {
    event,
    state: progress.state,
    elapsed_ms: Math.round(progress.elapsedMs),
    records_in: progress.recordsIn,
    records_out: progress.out,
    dead_letters: progress.deadLetters,
    dead_letters_by_code: progress.deadLettersByCode,
    dropped: progress.dropped,
    watermark: progress.watermark !== null && Number.isFinite(progress.watermark) ? progress.watermark : null,
    lag: progress.lag,
    fraction: progress.fraction,
    ...(analyze === null ? {} : { analyze: analyzeDocument(analyze) }),
  };
}

function analyzeDocument({ state, batch, batches, rowsIn, out, late, watermarks, lag, models }: AnalyzeProgress): Record<string, unknown> {
  return { state, batch, batches, rows_in: rowsIn, rows_out: out, late, watermarks, lag, models };
}
