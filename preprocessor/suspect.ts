import type { Commit, Ledger } from '@millrace/transport/log.ts';
import { pipelineKey } from './task/store.ts';

/** After this many deaths at one record it is taken for poison. */
const PATIENCE = 3;
/** Records a fetch takes at most after a death: what killed the process is among the next so many of some task. */
export const WARY_RECORDS = 1000;

/** The step a careful process was about to take, kept before it was taken: found after a death, that step is suspect. */
export interface Suspect {
  /** task and the offsets of its inputs */
  readonly mark: string;
  /** processes that died there */
  readonly deaths: number;
}

export function suspectKey(pipeline: string): string {
  return pipelineKey(pipeline, 'suspect');
}

export function readSuspect(ledger: Ledger, pipeline: string): Suspect | null {
  const bytes = ledger.get(suspectKey(pipeline));
  return bytes ? (JSON.parse(Buffer.from(bytes).toString()) as Suspect) : null;
}

/** The record that names itself poison, or null while there is hope. */
export function poison(suspect: Suspect | null): string | null {
  return suspect !== null && suspect.deaths >= PATIENCE ? suspect.mark : null;
}

/** Writes each step down before it is taken, as long as deaths are unexplained. */
export class Caution {
  readonly #key: string;
  readonly #deaths: Suspect | null;
  readonly #steps = new Map<string, { mark: string; left: number }>();

  constructor(pipeline: string, last: Suspect | null) {
    this.#key = suspectKey(pipeline);
    this.#deaths = last;
  }

  /** false once every task has taken as many records as one fetch could have brought */
  get needed(): boolean {
    return [...this.#steps.values()].some((step) => step.left > 0);
  }

  /** to be committed before `task` goes on from `mark`; null when it stands where it stood */
  before(task: string, mark: string): Commit['puts'] | null {
    const last = this.#steps.get(task);
    if (last?.mark === mark) return null;
    this.#steps.set(task, { mark, left: last ? last.left - 1 : WARY_RECORDS });
    const deaths = this.#deaths?.mark === mark ? this.#deaths.deaths : 0;
    return [[this.#key, suspectBytes({ mark, deaths })]];
  }

  over(): Commit['puts'] {
    return [[this.#key, null]];
  }
}

export function suspectBytes(suspect: Suspect): Uint8Array {
  return Buffer.from(JSON.stringify(suspect));
}
