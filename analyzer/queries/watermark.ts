import type { AggregateQueryPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';

/**
 * A query's watermark, in Structured Streaming's terms: a window is over when its end ≤ watermark. It is computed at a batch's end and
 * used in the next batch: `evict` closes and forgets, and rows are late by `late`, the `evict` of the batch before: just what is closed already.
 */
export class QueryWatermark {
  maxTime = Number.NEGATIVE_INFINITY;
  late = Number.NEGATIVE_INFINITY;
  evict = Number.NEGATIVE_INFINITY;
  readonly #plan: AggregateQueryPlan['watermark'];

  constructor(plan: AggregateQueryPlan['watermark']) {
    this.#plan = plan;
  }

  observe(eventTime: number): void {
    if (eventTime > this.maxTime) this.maxTime = eventTime;
  }

  /**
   * The watermark that a row is late by. With `bridge` that is also the one it came with, which closes what it closed where the row came from: so it does not matter
   * in which batch the row is, nor how far the bridge's other writers were.
   */
  lateFor(judged: number): number {
    return this.#plan?.kind === 'bridge' ? Math.max(this.late, judged + 1) : this.late;
  }

  /**
   * The batch is over. `completeness` as the record stage counts it (nothing ≤ it is still to come, so it is one less than a watermark here); null:
   * nobody says, and a delay counts alone.
   */
  advance(completeness: number | null): void {
    this.late = this.evict;
    if (this.#plan === null) return;
    const complete = completeness === null ? Number.POSITIVE_INFINITY : completeness + 1;
    const own = this.maxTime - (this.#plan.kind === 'delay' ? this.#plan.delay : 0);
    // `bridge` over a topic of which nobody says how complete it is has its own event times only
    const next = this.#plan.kind === 'delay' || completeness === null ? Math.min(own, complete) : complete;
    if (next > this.evict) this.evict = next;
  }

  save(bytes: ByteWriter): void {
    for (const time of [this.maxTime, this.late, this.evict]) bytes.f64(time);
  }

  load(bytes: ByteReader): void {
    this.maxTime = bytes.f64();
    this.late = bytes.f64();
    this.evict = bytes.f64();
  }
}
