import type { Clock } from '@millrace/runtime/clock.ts';
import { addCounts } from '@millrace/runtime/counts.ts';
import type { RunOptions, RunProgress } from './run-options.ts';
import { addCommits, emptyStats, type HostStats } from './stats.ts';
import type { TableCounts } from './tables/watch.ts';

/** Sums what the hosts report. */
export class Totals {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #out: Record<string, number> = {};
  readonly #dead: Record<string, number> = {};
  #recordsIn = 0;
  #dropped = 0;
  #watermark = Number.NEGATIVE_INFINITY;
  #lag: Record<string, number> = {};
  #greatestLag = 0;
  #silentMs = 0;
  readonly #commits = emptyStats().commits;
  readonly #untilEnd: boolean;
  readonly #tables: TableCounts = { taken: 0, refused: 0 };
  state: RunProgress['state'] = 'recovering';

  constructor(options: RunOptions) {
    this.#clock = options.clock;
    this.#started = options.clock.monotonic();
    this.#untilEnd = options.untilEnd;
    for (const stage of options.plan.stages) for (const output of stage.outputs) if (output.kind !== 'exchange') this.#out[output.id] = 0;
  }

  add(stats: HostStats): void {
    this.#recordsIn += stats.recordsIn;
    this.#dropped += stats.dropped;
    addCounts(this.#out, stats.out);
    addCounts(this.#dead, stats.dead);
    const watermark = stats.watermark === Number.POSITIVE_INFINITY ? stats.idleWatermark : stats.watermark;
    if (Number.isFinite(watermark)) this.#watermark = watermark;
    this.#lag = stats.lag;
    this.#silentMs = stats.silentMs;
    addCommits(this.#commits, stats.commits);
    this.#greatestLag = Math.max(this.#greatestLag, this.#left());
  }

  addTables({ taken, refused }: TableCounts): void {
    this.#tables.taken += taken;
    this.#tables.refused += refused;
  }

  #left(): number {
    return Object.values(this.#lag).reduce((sum, left) => sum + left, 0);
  }

  #fraction(state: RunProgress['state']): number | null {
    if (!this.#untilEnd) return null;
    if (this.#greatestLag > 0) return 1 - this.#left() / this.#greatestLag;
    return state === 'done' ? 1 : null;
  }

  progress(state = this.state): RunProgress {
    return {
      elapsedMs: this.#clock.monotonic() - this.#started,
      recordsIn: this.#recordsIn,
      out: { ...this.#out },
      deadLetters: Object.values(this.#dead).reduce((sum, count) => sum + count, 0),
      deadLettersByCode: { ...this.#dead },
      dropped: this.#dropped,
      watermark: Number.isFinite(this.#watermark) ? this.#watermark : null,
      lag: { ...this.#lag },
      fraction: this.#fraction(state),
      state,
      silentMs: this.#silentMs,
      commits: { ...this.#commits },
      tables: { ...this.#tables },
    };
  }
}
