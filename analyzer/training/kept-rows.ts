import { MillraceError } from '@millrace/runtime/errors.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { StateWriter } from '../queries/query.ts';
import { forgettable, type Schedule } from './boundaries.ts';
import { type Example, Examples } from './examples.ts';
import { keptFormat, type TrainedPlan } from './learning-rows.ts';

const CORE = 'core';
const LABELS = 'label/';
const EXAMPLES = 'row/';

/**
 * What is kept to learn from and to judge by, and how it is saved: `core` how far things are · `row/<chunk>` rows · `label/<chunk>` labels that
 * came on a topic of their own. The trainer writes it; whoever judges a model later reads it.
 */
export class KeptRows {
  readonly examples: Examples;
  readonly labels = new Examples(0);
  /** event times of the first and the last row */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  /** the last boundary decided: all rows before it are in */
  decided = Number.NEGATIVE_INFINITY;
  /** hashes of the models not judged yet, by boundary */
  readonly waiting = new Map<number, string>();
  readonly #model: string;
  readonly #format: string;
  #changed = false;

  constructor(plan: TrainedPlan) {
    this.#model = plan.id;
    this.#format = keptFormat(plan);
    this.examples = new Examples(plan.features.length);
  }

  add(example: Example): void {
    if (example.time < this.first) this.first = example.time;
    if (example.time > this.last) this.last = example.time;
    this.examples.add(example);
  }

  /** the labels said before a time, the last one of each key */
  labelsAt(time: number): ReadonlyMap<string, boolean> {
    const known = new Map<string, boolean>();
    for (const { key, label } of this.labels.within({ from: Number.NEGATIVE_INFINITY, to: time })) known.set(key as string, label as boolean);
    return known;
  }

  /** Everything up to a boundary is decided: what no later training or judgement looks at goes. */
  decide(schedule: Schedule, boundary: number): void {
    this.decided = boundary;
    this.#changed = true;
    const since = keptSince(schedule, boundary);
    this.examples.forget(since);
    this.labels.forget(since);
  }

  /** writes what changed since the last call */
  snapshot(writer: StateWriter): void {
    // labels may come before the first row
    if (this.first === Number.POSITIVE_INFINITY && this.labels.size === 0 && !this.#changed) return;
    this.examples.save(
      (name, value) => writer.put(EXAMPLES + name, value),
      (name) => writer.delete(EXAMPLES + name),
    );
    this.labels.save(
      (name, value) => writer.put(LABELS + name, value),
      (name) => writer.delete(LABELS + name),
    );
    const core = new ByteWriter();
    core.text(this.#format);
    for (const time of [this.first, this.last, this.decided]) core.f64(time);
    core.varint(this.waiting.size);
    for (const [boundary, hash] of this.waiting) {
      core.f64(boundary);
      core.text(hash);
    }
    writer.put(CORE, core.finish());
    this.#changed = false;
  }

  /** Entries come in key order. Throws plan_changed when the rows are not what the plan says. */
  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    for (const [key, value] of entries) {
      if (key.startsWith(EXAMPLES)) this.examples.load(key.slice(EXAMPLES.length), value);
      else if (key.startsWith(LABELS)) this.labels.load(key.slice(LABELS.length), value);
      else if (key === CORE) {
        const core = new ByteReader(value);
        if (core.text() !== this.#format)
          throw new MillraceError(
            'plan_changed',
            `The rows kept to train ${this.#model} do not fit it any more: its features, label, card or where its rows come from have changed.`,
            { hint: 'Give the model another name, go on with the file as it was, or start with a new --data-dir.' },
          );
        this.first = core.f64();
        this.last = core.f64();
        this.decided = core.f64();
        for (let left = core.varint(); left > 0; left--) this.waiting.set(core.f64(), core.text());
      }
    }
  }
}

/** The entries of one model among those of all. */
export function ofModel(entries: Iterable<readonly [key: string, value: Uint8Array]>, model: string): (readonly [key: string, value: Uint8Array])[] {
  const prefix = prefixOf(model);
  return [...entries].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value] as const);
}

/** before each key of a model's entries among those of all */
export function prefixOf(model: string): string {
  return `${encodeURIComponent(model)}/`;
}

/** Rows from this time on are still there when `decided` was the last boundary decided. */
export function keptSince(schedule: Schedule, decided: number): number {
  return forgettable(schedule, decided + schedule.every);
}
