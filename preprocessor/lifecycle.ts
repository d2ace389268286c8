import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Identities } from '@millrace/transport/identities.ts';
import type { Ledger, Position } from '@millrace/transport/log.ts';
import { pipelineKey } from './task/store.ts';

/** Whether those who worked on something ended well. */
export interface Liveness {
  /** a clean exit leaves false; found true, the last process died */
  readonly running: boolean;
  /** deaths in a row in which no task got further, and the progress they stuck at */
  readonly deaths: number;
  readonly stuckAt: string;
}

/** What is known of a pipeline as a whole. Where processes share it, each of its slots has a `Liveness` of its own, and that of the whole stays as it began. */
export interface PipelineRecord extends Liveness {
  readonly planHash: string;
  /** the release that wrote the snapshots */
  readonly build: string;
  readonly generation: number;
  readonly topics: Readonly<Record<string, number>>;
  /** of the topics that are read; absent in records of earlier releases */
  readonly identities?: Identities;
  /** path of each file output, by id */
  readonly files: Readonly<Record<string, string>>;
  /** what of each stateful step's meaning its saved state depends on, by step id */
  readonly states: Readonly<Record<string, string>>;
}

export const newborn: Liveness = { running: false, deaths: 0, stuckAt: '' };

/** What concerns one slot of several: it stands with the tasks of its number. No stage is named like this. */
export function slotKey(pipeline: string, slot: number, ...rest: string[]): string {
  return pipelineKey(pipeline, 't', `!slot.${slot}`, ...rest);
}

/** A run: one pass of the process over its inputs, numbered. `ends` null: until it is stopped. */
export interface RunRecord {
  readonly run: number;
  /** by source id, a position a partition; 'writers' for a topic this pipeline writes itself */
  readonly ends: Readonly<Record<string, readonly (Position | 'writers')[]>> | null;
  readonly finished: boolean;
}

/** Reads and writes the two records. */
export class PipelineLedger {
  readonly #ledger: Ledger;
  readonly pipelineKey: string;
  readonly runKey: string;

  constructor(ledger: Ledger, pipeline: string) {
    this.#ledger = ledger;
    this.pipelineKey = pipelineKey(pipeline, 'pipeline');
    this.runKey = pipelineKey(pipeline, 'run');
  }

  #read<T>(key: string): T | null {
    const bytes = this.#ledger.get(key);
    return bytes ? (JSON.parse(Buffer.from(bytes).toString()) as T) : null;
  }

  pipeline(): PipelineRecord | null {
    return this.#read<PipelineRecord>(this.pipelineKey);
  }

  run(): RunRecord | null {
    return this.#read<RunRecord>(this.runKey);
  }
}

export function record(value: Liveness | PipelineRecord | RunRecord): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

export function freshRecord(plan: Plan, build: string): PipelineRecord {
  return { planHash: plan.hash, build, generation: 0, topics: {}, files: {}, states: {}, ...newborn };
}
