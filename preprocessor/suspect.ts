import type { Commit, Ledger } from '@millrace/transport/log.ts';
import { slotKey } from './lifecycle.ts';
import { pipelineKey } from './task/store.ts';

/** After this many deaths at one record it is taken for poison. */
const PATIENCE = 3;
/** Records a turn takes at most after a death, until as many as one fetch could have brought are taken: what kills the process again is among so few of some task. */
export const WARY_RECORDS = 200;

/** A record at which a careful process died, or may be about to. */
export interface Suspect {
  /** the task that was to take it */
  readonly task: string;
  /** the record, as the task's policy names it */
  readonly record: string;
  /** processes that died there */
  readonly deaths: number;
  /** written down just before the record was touched, and nothing committed since: a death found now is one more */
  readonly armed: boolean;
}

/** Where the suspect of those stands that one process works on: all tasks, or those of a slot. */
export function suspectKey(pipeline: string, slot: number | null = null): string {
  return slot === null ? pipelineKey(pipeline, 'suspect') : slotKey(pipeline, slot, 'suspect');
}

export function readSuspect(ledger: Ledger, key: string): Suspect | null {
  const bytes = ledger.get(key);
  return bytes ? (JSON.parse(Buffer.from(bytes).toString()) as Suspect) : null;
}

/** What a new process makes of the suspect it finds: only a death at the record itself counts, never one on the way there. */
export function afterDeath(suspect: Suspect): Suspect {
  return suspect.armed ? { ...suspect, deaths: suspect.deaths + 1, armed: false } : suspect;
}

/** The record of `task` that is taken for poison, or null while there is hope. */
export function poison(suspect: Suspect | null, task: string): string | null {
  return suspect !== null && suspect.task === task && suspect.deaths >= PATIENCE ? suspect.record : null;
}

/** Writes each record down before it is touched, as long as deaths are unexplained. */
export class Caution {
  readonly #key: string;
  readonly #found: Suspect | null;
  /** what each task has yet to take before it is trusted */
  readonly #left: Map<string, number>;
  #armed = false;
  #passed = false;

  constructor(key: string, tasks: readonly string[], found: Suspect | null) {
    this.#key = key;
    this.#found = found;
    this.#left = new Map(tasks.map((task) => [task, WARY_RECORDS]));
  }

  /** what kills would have shown: the task has taken as many records as a wary turn could have brought */
  trusts(task: string): boolean {
    return (this.#left.get(task) as number) <= 0;
  }

  /** false once every task is trusted */
  get needed(): boolean {
    return [...this.#left.values()].some((left) => left > 0);
  }

  /** to be noted before `task` looks at a record, or takes it */
  before(task: string, record: string, taking: boolean): Commit['puts'] {
    const known = this.#found?.task === task && this.#found.record === record;
    this.#armed = true;
    this.#passed ||= known && taking;
    if (taking) this.#left.set(task, (this.#left.get(task) as number) - 1);
    return [[this.#key, suspectBytes({ task, record, deaths: known ? (this.#found?.deaths ?? 0) : 0, armed: true })]];
  }

  /** to be committed with the turn's steps: what was found stays a suspect until it has been passed */
  after(): Commit['puts'] {
    if (!this.#armed) return [];
    this.#armed = false;
    return [[this.#key, this.#found === null || this.#passed ? null : suspectBytes(this.#found)]];
  }

  over(): Commit['puts'] {
    return [[this.#key, null]];
  }
}

export function suspectBytes(suspect: Suspect): Uint8Array {
  return Buffer.from(JSON.stringify(suspect));
}
