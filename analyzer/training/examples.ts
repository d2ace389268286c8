import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Range } from './boundaries.ts';

/** A row kept to learn from. */
export interface Example {
  /** event time, epoch ms */
  readonly time: number;
  readonly card: string | null;
  /** what the label is joined on; null where the record has its label itself */
  readonly key: string | null;
  /** null: not in the record (it may come later, or it is NULL) */
  readonly label: boolean | null;
  readonly features: Float64Array;
}

/** The rows of one batch, saved as they came. */
interface Chunk {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly examples: readonly Example[];
}

/** Rows kept for training, in memory, saved a chunk a batch. */
export class Examples {
  readonly #features: number;
  #chunks: Chunk[] = [];
  #fresh: Example[] = [];
  #gone: string[] = [];
  #made = 0;
  #unsaved: Chunk[] = [];

  constructor(features: number) {
    this.#features = features;
  }

  add(example: Example): void {
    this.#fresh.push(example);
  }

  /** Rows in the order of time, features, label: however batches were cut, the same rows come in the same order. */
  *within({ from, to }: Range): Generator<Example> {
    this.#close();
    const found: Example[] = [];
    for (const chunk of this.#chunks) {
      if (chunk.to < from || chunk.from >= to) continue;
      for (const example of chunk.examples) if (example.time >= from && example.time < to) found.push(example);
    }
    yield* found.sort(byContent);
  }

  /** Drops rows before `time`, by whole chunks. */
  forget(time: number): void {
    this.#close();
    const [old, kept] = [this.#chunks.filter((chunk) => chunk.to < time), this.#chunks.filter((chunk) => chunk.to >= time)];
    this.#chunks = kept;
    this.#unsaved = this.#unsaved.filter((chunk) => chunk.to >= time);
    this.#gone.push(...old.map(({ name }) => name));
  }

  get size(): number {
    return this.#chunks.reduce((sum, { examples }) => sum + examples.length, this.#fresh.length);
  }

  #close(): void {
    if (this.#fresh.length === 0) return;
    const name = String(this.#made++).padStart(12, '0');
    let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { time } of this.#fresh) {
      if (time < from) from = time;
      if (time > to) to = time;
    }
    const chunk = { name, from, to, examples: this.#fresh };
    this.#chunks.push(chunk);
    this.#unsaved.push(chunk);
    this.#fresh = [];
  }

  /** what came and went since the last call */
  save(put: (name: string, value: Uint8Array) => void, remove: (name: string) => void): void {
    this.#close();
    for (const chunk of this.#unsaved) put(chunk.name, encode(chunk.examples));
    for (const name of this.#gone) remove(name);
    this.#unsaved = [];
    this.#gone = [];
  }

  /** chunks come in the order of their names */
  load(name: string, value: Uint8Array): void {
    const examples = decode(value, this.#features);
    const times = examples.map(({ time }) => time);
    this.#chunks.push({ name, from: times.reduce((a, b) => Math.min(a, b)), to: times.reduce((a, b) => Math.max(a, b)), examples });
    this.#made = Number(name) + 1;
  }
}

/** A label that nobody has sent by now is false; one that the record should have and has not leaves it out. */
export function labelOf({ key, label }: Example, labels: ReadonlyMap<string, boolean> | null): boolean | null {
  if (labels === null) return label;
  return key === null ? null : (labels.get(key) ?? false);
}

function byContent(a: Example, b: Example): number {
  if (a.time !== b.time) return a.time - b.time;
  for (let i = 0; i < a.features.length; i++) {
    const [x, y] = [a.features[i] as number, b.features[i] as number];
    // NaN last; NaN and NaN alike
    if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : x - y;
  }
  const [p, q] = [`${a.label} ${a.card} ${a.key}`, `${b.label} ${b.card} ${b.key}`];
  return p < q ? -1 : p > q ? 1 : 0;
}

function encode(examples: readonly Example[]): Uint8Array {
  const out = new ByteWriter(examples.length * 64);
  const optional = (text: string | null): void => {
    out.byte(text === null ? 0 : 1);
    if (text !== null) out.text(text);
  };
  out.varint(examples.length);
  for (const { time, card, key, label, features } of examples) {
    out.f64(time);
    optional(card);
    optional(key);
    out.byte(label === null ? 2 : Number(label));
    for (const value of features) out.f64(value);
  }
  return out.finish();
}

function decode(value: Uint8Array, features: number): Example[] {
  const from = new ByteReader(value);
  const optional = (): string | null => (from.byte() === 0 ? null : from.text());
  return Array.from({ length: from.varint() }, () => {
    const time = from.f64();
    const card = optional();
    const key = optional();
    const label = from.byte();
    return { time, card, key, label: label === 2 ? null : label === 1, features: Float64Array.from({ length: features }, () => from.f64()) };
  });
}
