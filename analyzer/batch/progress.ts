import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import type { StateReport } from '../queries/query.ts';

/** The report of one batch, under the names of Structured Streaming's `StreamingQueryProgress`; a pipeline is one query there. */
export interface BatchProgress {
  /** of the checkpoint: the pipeline's name */
  readonly id: string;
  /** of this process' run */
  readonly runId: string;
  readonly name: string;
  /** when the batch was decided, ISO 8601 */
  readonly timestamp: string;
  readonly batchId: number;
  /** ms */
  readonly batchDuration: number;
  readonly numInputRows: number;
  /** rows over the time since the last batch; left out before the second */
  readonly inputRowsPerSecond?: number;
  readonly processedRowsPerSecond?: number;
  readonly durationMs: BatchDurations;
  /** ISO 8601; without rows there is only the watermark, and without one not even that */
  readonly eventTime: { readonly avg?: string; readonly max?: string; readonly min?: string; readonly watermark?: string };
  readonly stateOperators: readonly (StateReport & { readonly operatorName: string; readonly numShufflePartitions: 1; readonly numStateStoreInstances: 1 })[];
  readonly sources: readonly SourceProgress[];
  /** all sinks together */
  readonly sink: { readonly description: string; readonly numOutputRows: number };
  readonly sinks: readonly { readonly description: string; readonly numOutputRows: number }[];
  /** what became of the training boundaries that the batch passed; left out where it passed none */
  readonly training?: readonly ModelDecision[];
}

/** ms of each part: finding the new ends, `offsets/N`, reading and querying, `results/N`, the sinks, `commits/N`, all of it */
interface BatchDurations {
  readonly latestOffset: number;
  readonly walCommit: number;
  readonly getBatch: number;
  readonly queryPlanning: number;
  readonly addBatch: number;
  readonly commitOffsets: number;
  readonly triggerExecution: number;
}

interface SourceProgress {
  readonly description: string;
  readonly startOffset: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly endOffset: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly latestOffset: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly numInputRows: number;
}

/** Event times of a batch's rows. */
export class EventTimes {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  add(time: number): void {
    this.count++;
    this.sum += time;
    if (time < this.min) this.min = time;
    if (time > this.max) this.max = time;
  }

  /** takes in what was counted elsewhere */
  merge(count: number, sum: number, min: number, max: number): void {
    this.count += count;
    this.sum += sum;
    if (min < this.min) this.min = min;
    if (max > this.max) this.max = max;
  }

  report(watermark: number): BatchProgress['eventTime'] {
    const rows = this.count > 0 ? { avg: iso(this.sum / this.count), max: iso(this.max), min: iso(this.min) } : {};
    return Number.isFinite(watermark) ? { ...rows, watermark: iso(watermark) } : rows;
  }
}

/** Rows a second; nothing where that is no number. */
export function rate(rows: number, ms: number): number | undefined {
  return ms > 0 && Number.isFinite(ms) ? (rows * 1000) / ms : undefined;
}

/** Offsets by topic and partition, as Structured Streaming writes Kafka's. */
export function offsetsOf(topic: string, offsets: readonly number[]): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return { [topic]: Object.fromEntries(offsets.map((offset, partition) => [String(partition), offset])) };
}

export function iso(ms: number): string {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, ms))).toISOString();
}
