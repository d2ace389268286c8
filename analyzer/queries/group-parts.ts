import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { Group, GroupStore } from './group-store.ts';

/** What is in a part besides groups. */
interface PartFacts {
  /** latest event time of the rows, −Infinity without any */
  readonly maxTime: number;
  /** rows that were late */
  readonly dropped: number;
}

/**
 * The groups of some rows as bytes, to be merged into those of others. Groups stand in the order in which their first rows came, so whoever takes parts in in the order
 * of their rows has the state, down to the numbers of the groups, that the rows themselves would have left.
 */
export class GroupParts {
  readonly #store: GroupStore;
  readonly #aggregates: readonly Aggregate[];
  readonly #keyTypes: readonly SqlType[];
  readonly #bytes = new ByteWriter();
  /** where a pane of a part is loaded before it is merged */
  #scratch: number | null = null;

  constructor(store: GroupStore, aggregates: readonly Aggregate[], keyTypes: readonly SqlType[]) {
    this.#store = store;
    this.#aggregates = aggregates;
    this.#keyTypes = keyTypes;
  }

  /** All there is, and forgets it. */
  take({ maxTime, dropped }: PartFacts): Uint8Array {
    const bytes = this.#bytes;
    bytes.f64(maxTime);
    bytes.varint(dropped);
    bytes.varint(this.#store.groups.size);
    for (const { text, values, starts, cells } of this.#store.groups.values()) {
      bytes.byte(text === null ? 0 : 1);
      if (text !== null) bytes.text(text);
      for (const [i, type] of this.#keyTypes.entries()) bytes.value(type, values[i] as Value);
      bytes.varint(starts.length);
      for (const [i, start] of starts.entries()) {
        bytes.varint(start);
        for (const aggregate of this.#aggregates) aggregate.save(cells[i] as number, bytes);
      }
    }
    this.#store.clear();
    return bytes.finish();
  }

  /** Merges a part in; `touched`: a pane that rows have reached. */
  absorb(part: Uint8Array, touched: (group: Group, pane: number) => void): PartFacts {
    const bytes = new ByteReader(part);
    const facts = { maxTime: bytes.f64(), dropped: bytes.varint() };
    this.#scratch ??= this.#store.cells.take();
    const from = this.#scratch;
    for (let groups = bytes.varint(); groups > 0; groups--) {
      const text = bytes.byte() === 0 ? null : bytes.text();
      const values = this.#keyTypes.map((type) => bytes.value(type));
      const group = this.#store.groups.get(text) ?? this.#store.add(text, values);
      for (let panes = bytes.varint(); panes > 0; panes--) {
        const start = bytes.varint();
        for (const aggregate of this.#aggregates) aggregate.load(from, bytes);
        const cell = this.#store.pane(group, start);
        for (const aggregate of this.#aggregates) aggregate.merge(cell, from);
        this.#store.changed(cell);
        touched(group, start);
      }
    }
    this.#store.cells.clear(from);
    return facts;
  }
}
