import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import { Cells } from '@millrace/pipeline/aggregates/cells.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { StateWriter } from './query.ts';

/** One group with state: its panes, ascending by start, and the cell of each. */
export interface Group {
  readonly id: number;
  readonly text: string | null;
  /** of the grouping columns */
  readonly values: readonly Value[];
  readonly starts: number[];
  readonly cells: number[];
  /** starts of windows that an end of the input has let go and that no row has reached since */
  readonly fired: Set<number>;
  dirty: boolean;
}

/**
 * The groups of an aggregate query and their panes, and how they are saved: `g<id>` the group and its fired windows · `n` next id ·
 * `p<id>.<start>` the pane's aggregates.
 */
export class GroupStore {
  readonly cells: Cells;
  readonly groups = new Map<string | null, Group>();
  /** everyone's panes by their start */
  readonly panes = new Map<number, Group[]>();
  readonly #aggregates: readonly Aggregate[];
  readonly #keyTypes: readonly SqlType[];
  #nextId = 0;
  #open = 0;
  /** the group and the start of each cell */
  readonly #owners: Group[] = [];
  readonly #starts: number[] = [];
  readonly #dirtyCells = new Set<number>();
  #dirtyGroups: Group[] = [];
  #gone: string[] = [];

  constructor(aggregates: readonly Aggregate[], keyTypes: readonly SqlType[]) {
    this.#aggregates = aggregates;
    this.#keyTypes = keyTypes;
    this.cells = new Cells(aggregates);
  }

  /** panes there are */
  get open(): number {
    return this.#open;
  }

  add(text: string | null, values: readonly Value[]): Group {
    return this.#put(this.#nextId++, text, values);
  }

  #put(id: number, text: string | null, values: readonly Value[]): Group {
    const group: Group = { id, text, values, starts: [], cells: [], fired: new Set(), dirty: false };
    this.groups.set(text, group);
    this.changedGroup(group);
    return group;
  }

  /** The cell of the group's pane, which is made when it is not there. */
  pane(group: Group, start: number): number {
    const { starts, cells } = group;
    let at = starts.length;
    while (at > 0 && (starts[at - 1] as number) > start) at--;
    if (at > 0 && starts[at - 1] === start) return cells[at - 1] as number;
    const cell = this.cells.take();
    starts.splice(at, 0, start);
    cells.splice(at, 0, cell);
    this.#owners[cell] = group;
    this.#starts[cell] = start;
    this.#open++;
    const all = this.panes.get(start);
    if (all) all.push(group);
    else this.panes.set(start, [group]);
    return cell;
  }

  changed(cell: number): void {
    this.#dirtyCells.add(cell);
  }

  changedGroup(group: Group): void {
    if (group.dirty) return;
    group.dirty = true;
    this.#dirtyGroups.push(group);
  }

  /** groups and starts of the panes changed since the last snapshot */
  *changes(): Iterable<readonly [group: Group, start: number]> {
    for (const cell of this.#dirtyCells) yield [this.#owners[cell] as Group, this.#starts[cell] as number];
  }

  get changeCount(): number {
    return this.#dirtyCells.size;
  }

  /** Forgets everyone's panes of that start, and groups that are left without any; gives how many panes went. */
  drop(start: number): number {
    const groups = this.panes.get(start) ?? [];
    for (const group of groups) {
      const at = group.starts.indexOf(start);
      const cell = group.cells[at] as number;
      group.starts.splice(at, 1);
      group.cells.splice(at, 1);
      this.cells.release(cell);
      this.#dirtyCells.delete(cell);
      this.#gone.push(`p${group.id}.${start}`);
      if (group.starts.length > 0) continue;
      this.groups.delete(group.text);
      group.dirty = false;
      this.#gone.push(`g${group.id}`);
    }
    this.panes.delete(start);
    this.#open -= groups.length;
    return groups.length;
  }

  /** Forgets everything, unsaved changes too. */
  clear(): void {
    for (const group of this.groups.values()) for (const cell of group.cells) this.cells.release(cell);
    this.groups.clear();
    this.panes.clear();
    this.#nextId = 0;
    this.#open = 0;
    this.#dirtyCells.clear();
    this.#dirtyGroups = [];
    this.#gone = [];
  }

  snapshot(writer: StateWriter): void {
    for (const entry of this.#gone) writer.delete(entry);
    const bytes = new ByteWriter();
    for (const group of this.#dirtyGroups) {
      if (!group.dirty) continue;
      bytes.byte(group.text === null ? 0 : 1);
      if (group.text !== null) bytes.text(group.text);
      for (const [i, type] of this.#keyTypes.entries()) bytes.value(type, group.values[i] as Value);
      for (const start of [...group.fired].sort((a, b) => a - b)) bytes.varint(start);
      writer.put(`g${group.id}`, bytes.finish());
      group.dirty = false;
    }
    for (const cell of this.#dirtyCells) {
      for (const aggregate of this.#aggregates) aggregate.save(cell, bytes);
      writer.put(`p${(this.#owners[cell] as Group).id}.${this.#starts[cell]}`, bytes.finish());
    }
    bytes.varint(this.#nextId);
    writer.put('n', bytes.finish());
    this.#dirtyGroups = [];
    this.#dirtyCells.clear();
    this.#gone = [];
  }

  /** takes in one entry of `snapshot`; entries come in key order */
  restore(entry: string, value: Uint8Array, byId: Map<number, Group>): void {
    const bytes = new ByteReader(value);
    if (entry === 'n') {
      this.#nextId = bytes.varint();
    } else if (entry.startsWith('g')) {
      const id = Number(entry.slice(1));
      const text = bytes.byte() === 0 ? null : bytes.text();
      const group = this.#put(
        id,
        text,
        this.#keyTypes.map((type) => bytes.value(type)),
      );
      while (!bytes.done) group.fired.add(bytes.varint());
      group.dirty = false;
      byId.set(id, group);
    } else {
      const [id, start] = entry.slice(1).split('.');
      const cell = this.pane(byId.get(Number(id)) as Group, Number(start));
      for (const aggregate of this.#aggregates) aggregate.load(cell, bytes);
    }
    this.#dirtyGroups = [];
  }
}
