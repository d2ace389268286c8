import type { Commit, Ledger } from '@millrace/transport/log.ts';
import type { Slices } from '../operators/gradual.ts';
import type { Operator } from '../operators/operator.ts';
import { decodeCore, encodeCore, type TaskCore } from './core.ts';
import { decodeEntries, type Entry } from './journal.ts';

/**
 * Where in the ledger a pipeline keeps its things:
 *
 *     p/<pipeline>/…                           what concerns the whole pipeline (`pipeline.ts`)
 *     p/<pipeline>/t/<stage>.<task>/cut        the core as of the last snapshot
 *                                  /ends       where its outputs ended at the last snapshot (on Kafka)
 *                                  /progress   the core as of the last commit
 *                                  /j/<n>      the journal between the two, an entry list a commit
 *                                  /s/<step>/… the operators' state as of the snapshot
 */
export function pipelineKey(pipeline: string, ...rest: string[]): string {
  return ['p', encodeURIComponent(pipeline), ...rest].join('/');
}

/** Where the partitions of a task's outputs ended at its last snapshot: nothing that it has made since lies before. */
export interface SavedEnds {
  /** records have left since that snapshot without a commit, so that what had left is to be read back from there */
  readonly immediate: boolean;
  /** by topic, an offset a partition */
  readonly ends: Readonly<Record<string, readonly number[]>>;
  /** who signs what leaves, as brokers know it: whoever comes next is to have refused it */
  readonly signedBy?: number;
}

/** What a task finds of itself: the core of the last snapshot, what happened since, and where that leads. */
export interface Saved {
  readonly cut: TaskCore | null;
  readonly progress: TaskCore;
  readonly journal: readonly Entry[];
  /** null: not written down */
  readonly ends: SavedEnds | null;
}

/** A snapshot that is being written: how things stood when it began. `changes` has all of it when the slices are through. */
export interface Cut {
  readonly slices: Slices;
  readonly changes: Pick<Commit, 'puts' | 'deleteRanges'>;
}

const JOURNAL_END = '~';

/** Builds the ledger part of one task's commits and reads it back. */
export class TaskStore {
  readonly #ledger: Ledger;
  readonly #prefix: string;
  #next = 0;

  constructor(ledger: Ledger, pipeline: string, stage: string, task: number) {
    this.#ledger = ledger;
    this.#prefix = pipelineKey(pipeline, 't', `${encodeURIComponent(stage)}.${task}`);
  }

  /** null for a task that has never committed */
  load(): Saved | null {
    const progress = this.progress();
    if (!progress) return null;
    const cut = this.#ledger.get(`${this.#prefix}/cut`);
    const journal: Entry[] = [];
    this.#next = 0;
    for (const [key, value] of this.#ledger.entries(`${this.#prefix}/j/`)) {
      journal.push(...decodeEntries(value));
      this.#next = Number(key.slice(key.lastIndexOf('/') + 1)) + 1;
    }
    return { cut: cut ? decodeCore(cut) : null, progress, journal, ends: this.ends() };
  }

  /** the core as of the last commit */
  progress(): TaskCore | null {
    const bytes = this.#ledger.get(`${this.#prefix}/progress`);
    return bytes ? decodeCore(bytes) : null;
  }

  /** the ends as of the last snapshot */
  ends(): SavedEnds | null {
    const bytes = this.#ledger.get(`${this.#prefix}/ends`);
    return bytes ? (JSON.parse(Buffer.from(bytes).toString()) as SavedEnds) : null;
  }

  /** to be written with a snapshot */
  endsPut(ends: SavedEnds): Commit['puts'][number] {
    return [`${this.#prefix}/ends`, Buffer.from(JSON.stringify(ends))];
  }

  *state(step: string): Iterable<readonly [string, Uint8Array]> {
    const prefix = `${this.#prefix}/s/${encodeURIComponent(step)}/`;
    for (const [key, value] of this.#ledger.entries(prefix)) yield [key.slice(prefix.length), value];
  }

  /** what one batch adds */
  batch(core: TaskCore, journal: Uint8Array): Commit['puts'] {
    return [
      [`${this.#prefix}/j/${String(this.#next++).padStart(12, '0')}`, journal],
      [`${this.#prefix}/progress`, encodeCore(core)],
    ];
  }

  /** a snapshot: the core twice, every operator's changes, no journal left */
  snapshot(core: TaskCore, steps: Iterable<readonly [id: string, operator: Operator]>): Cut {
    const puts: [string, Uint8Array | null][] = [];
    const bytes = encodeCore(core);
    puts.push([`${this.#prefix}/progress`, bytes], [`${this.#prefix}/cut`, bytes]);
    const begun: Slices[] = [];
    for (const [id, operator] of steps) {
      const prefix = `${this.#prefix}/s/${encodeURIComponent(id)}/`;
      const slices = operator.snapshot?.({ put: (key, value) => puts.push([prefix + key, value]), delete: (key) => puts.push([prefix + key, null]) }, false);
      // all at the same place between two records
      if (slices?.next().done === false) begun.push(slices);
    }
    this.#next = 0;
    return { slices: oneAfterTheOther(begun), changes: { puts, deleteRanges: [[`${this.#prefix}/j/`, `${this.#prefix}/j/${JOURNAL_END}`]] } };
  }
}

function* oneAfterTheOther(all: readonly Slices[]): Slices {
  for (const slices of all) yield* slices;
}
