import { readSchemaId } from '@millrace/shared-schemas/framing.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { BatchView, Position, Reader } from './log.ts';

/**
 * A reader of records in Confluent's frame that gives a batch only when the registry has every schema it names at hand, so that decoding
 * never waits. A batch that names another is kept back, as if it had not come yet, and its schemas are fetched meanwhile; a later `poll` gives it. `poll` throws
 * what fetching failed with, once; the next one tries again.
 */
export class SchemaReader implements Reader {
  readonly #inner: Reader;
  readonly #registry: Pick<SchemaRegistry, 'knows' | 'fetch'>;
  #kept: BatchView | null = null;
  /** where the batch kept back begins */
  #from: Position = { offset: 0 };
  #fetching = false;
  #failure: { readonly error: unknown } | null = null;
  /** grows with each batch kept back: what was fetched for an earlier one says nothing of this one */
  #turn = 0;
  /** the last id found at hand: mostly all records name the same */
  #known = -1;

  constructor(inner: Reader, registry: Pick<SchemaRegistry, 'knows' | 'fetch'>) {
    this.#inner = inner;
    this.#registry = registry;
  }

  poll(maxBytes: number, maxRecords?: number): BatchView | null {
    if (this.#failure !== null) {
      const { error } = this.#failure;
      this.#failure = null;
      throw error;
    }
    if (this.#fetching) return null;
    const from = this.#kept === null ? this.#inner.position : this.#from;
    const view = this.#kept ?? this.#inner.poll(maxBytes, maxRecords);
    if (view === null) return null;
    const missing = this.#missing(view);
    if (missing === null) {
      this.#kept = null;
      return view;
    }
    this.#kept = view;
    this.#from = from;
    this.#fetch(missing);
    return null;
  }

  get position(): Position {
    return this.#kept === null ? this.#inner.position : this.#from;
  }

  seek(position: Position): void {
    this.#forget();
    this.#inner.seek(position);
  }

  end(): Position {
    return this.#inner.end();
  }

  get behind(): boolean {
    return this.#kept !== null || (this.#inner.behind ?? false);
  }

  reached(end: Position): boolean {
    return this.#kept === null && this.#inner.reached(end);
  }

  limit(end: Position | null): void {
    // what is kept may lie behind the new limit
    if (this.#kept !== null) this.seek(this.#from);
    this.#inner.limit(end);
  }

  lookup(offset: number): ReturnType<Reader['lookup']> {
    return this.#inner.lookup(offset);
  }

  close(): void {
    this.#forget();
    this.#inner.close();
  }

  #forget(): void {
    this.#turn++;
    this.#kept?.release();
    this.#kept = null;
    this.#fetching = false;
    this.#failure = null;
  }

  /** ids in the batch that are not at hand; null: none */
  #missing(view: BatchView): Set<number> | null {
    const { buffer, valueStart, valueEnd, count } = view;
    let missing: Set<number> | null = null;
    for (let i = 0; i < count; i++) {
      const id = readSchemaId(buffer, valueStart[i], valueEnd[i]);
      if (id < 0 || id === this.#known) continue;
      if (this.#registry.knows(id)) this.#known = id;
      else {
        missing ??= new Set();
        missing.add(id);
      }
    }
    return missing;
  }

  #fetch(ids: ReadonlySet<number>): void {
    const turn = ++this.#turn;
    this.#fetching = true;
    const done = (failure: { error: unknown } | null): void => {
      if (turn !== this.#turn) return;
      this.#fetching = false;
      this.#failure = failure;
    };
    Promise.all([...ids].map((id) => this.#registry.fetch(id))).then(
      () => done(null),
      (error: unknown) => done({ error }),
    );
  }
}
