import type { Clock } from '@millrace/runtime/clock.ts';
import { addCounts } from '@millrace/runtime/counts.ts';
import type { Batches, BatchOutcome } from './batch/batches.ts';
import { type BatchProgress, iso, offsetsOf, rate } from './batch/progress.ts';
import type { AnalyzeProgress } from './run-options.ts';

/** Of one that never came to work. */
export const NOTHING_DONE: AnalyzeProgress = {
  elapsedMs: 0,
  batch: -1,
  batches: 0,
  rowsIn: 0,
  out: {},
  deadLetters: 0,
  deadLettersByCode: {},
  dropped: 0,
  late: {},
  watermarks: {},
  lag: {},
  models: {},
  state: 'done',
};

/** Sums what the batches did and reports each. */
export class Totals {
  readonly #clock: Clock;
  readonly #batches: Batches;
  readonly #runId: string;
  readonly #started: number;
  readonly #out: Record<string, number>;
  readonly #dead: Record<string, number> = {};
  readonly #late: Record<string, number> = {};
  #count = 0;
  #rowsIn = 0;
  #dropped = 0;
  #lastAt: number | null = null;
  state: AnalyzeProgress['state'] = 'recovering';

  constructor(clock: Clock, batches: Batches, runId: string) {
    this.#clock = clock;
    this.#batches = batches;
    this.#runId = runId;
    this.#started = clock.monotonic();
    this.#out = Object.fromEntries(batches.parts.flow.sinks.map(({ plan }) => [plan.id, 0]));
  }

  /** `began`: monotonic ms at which the batch was begun */
  add(outcome: BatchOutcome, began: number): BatchProgress {
    const { flow, plan, sources } = this.#batches.parts;
    const { word, rows, times, out } = outcome;
    const ended = this.#clock.monotonic();
    const numInputRows = Object.values(rows).reduce((sum, count) => sum + count, 0);
    this.#count++;
    this.#rowsIn += numInputRows;
    this.#dropped += outcome.dropped;
    addCounts(this.#out, out);
    for (const [code, count] of outcome.deadLetters) this.#dead[code] = (this.#dead[code] ?? 0) + count;
    const stateOperators = flow.queries.flatMap(({ plan: { id }, query }) => {
      const report = query.report?.();
      if (report === undefined) return [];
      this.#late[id] = (this.#late[id] ?? 0) + report.numRowsDroppedByWatermark;
      return [{ operatorName: id, ...report, numShufflePartitions: 1 as const, numStateStoreInstances: 1 as const }];
    });
    const watermark = Math.min(...flow.queries.flatMap(({ query }) => query.watermark ?? []));
    const batchDuration = ended - began;
    const input = this.#lastAt === null ? undefined : rate(numInputRows, began - this.#lastAt);
    const processed = rate(numInputRows, batchDuration);
    this.#lastAt = began;
    const sinks = flow.sinks.map(({ plan: sink }) => ({ description: sink.id, numOutputRows: out[sink.id] ?? 0 }));
    return {
      id: plan.name,
      runId: this.#runId,
      name: plan.name,
      timestamp: iso(word.timestamp),
      batchId: word.batch,
      batchDuration,
      numInputRows,
      ...(input === undefined ? {} : { inputRowsPerSecond: input }),
      ...(processed === undefined ? {} : { processedRowsPerSecond: processed }),
      durationMs: {
        latestOffset: 0,
        queryPlanning: 0,
        getBatch: 0,
        walCommit: Math.max(0, batchDuration - outcome.work - outcome.results - outcome.sinks - outcome.commit),
        addBatch: outcome.work + outcome.results + outcome.sinks,
        commitOffsets: outcome.commit,
        triggerExecution: batchDuration,
      },
      eventTime: times.report(watermark),
      stateOperators,
      sources: sources.map((source) => {
        const { id, topic } = source.plan;
        const end = source.positions();
        const range = word.ranges[id] ?? end.map((offset) => [offset, offset] as const);
        return {
          description: topic,
          startOffset: offsetsOf(
            topic,
            range.map(([from]) => from),
          ),
          endOffset: offsetsOf(topic, end),
          latestOffset: offsetsOf(topic, source.knownEnds()),
          numInputRows: rows[id] ?? 0,
        };
      }),
      sink: { description: sinks.map(({ description }) => description).join(', '), numOutputRows: sinks.reduce((sum, sink) => sum + sink.numOutputRows, 0) },
      sinks,
      ...(outcome.decisions.length === 0 ? {} : { training: outcome.decisions }),
    };
  }

  progress(state = this.state): AnalyzeProgress {
    const { flow, models, sources } = this.#batches.parts;
    const watermarks = flow.queries.flatMap(({ plan: { id }, query: { watermark } }) =>
      watermark === undefined ? [] : [[id, Number.isFinite(watermark) ? watermark : null] as const],
    );
    const lag = sources.map((source) => {
      const positions = source.positions();
      return [source.plan.id, source.knownEnds().reduce((sum, end, p) => sum + Math.max(0, end - (positions[p] as number)), 0)] as const;
    });
    return {
      elapsedMs: this.#clock.monotonic() - this.#started,
      batch: this.#batches.committed,
      batches: this.#count,
      rowsIn: this.#rowsIn,
      out: { ...this.#out },
      deadLetters: Object.values(this.#dead).reduce((sum, count) => sum + count, 0),
      deadLettersByCode: { ...this.#dead },
      dropped: this.#dropped,
      late: { ...this.#late },
      watermarks: Object.fromEntries(watermarks),
      lag: Object.fromEntries(lag),
      models: { ...models.inBatch },
      state,
    };
  }
}
