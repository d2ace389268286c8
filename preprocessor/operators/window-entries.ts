import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import type { ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { Gradual, type Slices } from './gradual.ts';
import type { StateWriter } from './operator.ts';
import type { WindowKey } from './window-key.ts';
import type { WindowSaves } from './window-saves.ts';

/** The pane has changed since the last snapshot; a snapshot may hold it; its cell is on the list of changed ones. */
const DIRTY = 1;
const SAVED = 2;
const LISTED = 4;

/** Saves keys and panes one by one: for windows whose keys have many panes, of which few change. */
export class WindowEntries implements WindowSaves {
  private readonly aggregates: readonly Aggregate[];
  private readonly keyTypes: readonly SqlType[];
  /** of each cell: the pane it is, and the three above */
  private owners: WindowKey[] = [];
  private starts: number[] = [];
  private flags = new Uint8Array(64);
  private dirtyCells: number[] = [];
  private dirtyKeys: WindowKey[] = [];
  private gone: string[] = [];
  private readonly gradualKeys = new Gradual<WindowKey>();
  private readonly gradualCells = new Gradual<number>();

  constructor(aggregates: readonly Aggregate[], keyTypes: readonly SqlType[]) {
    this.aggregates = aggregates;
    this.keyTypes = keyTypes;
  }

  get changed(): boolean {
    return this.dirtyCells.length + this.dirtyKeys.length + this.gone.length > 0;
  }

  changing(key: WindowKey, cell: number): void {
    this.gradualKeys.touch(key);
    if (cell >= 0) this.gradualCells.touch(cell);
  }

  began(key: WindowKey): void {
    this.changedKey(key);
  }

  changedKey(key: WindowKey): void {
    key.dirty = true;
    if (key.listedDirty) return;
    key.listedDirty = true;
    this.dirtyKeys.push(key);
  }

  addedPane(key: WindowKey, start: number, cell: number): void {
    this.owners[cell] = key;
    this.starts[cell] = start;
    if (cell >= this.flags.length) {
      const larger = new Uint8Array(Math.max(cell + 1, this.flags.length * 2));
      larger.set(this.flags);
      this.flags = larger;
    }
    this.flags[cell] &= LISTED;
  }

  changedPane(_: WindowKey, cell: number): void {
    const flags = this.flags[cell];
    if ((flags & DIRTY) !== 0) return;
    this.flags[cell] = flags | DIRTY | LISTED;
    if ((flags & LISTED) === 0) this.dirtyCells.push(cell);
  }

  leftPane(key: WindowKey, start: number, cell: number): void {
    // most panes come and go between two snapshots
    if ((this.flags[cell] & SAVED) !== 0) this.gone.push(`p${key.id}.${start}`);
    this.flags[cell] &= LISTED;
  }

  rests(key: WindowKey): void {
    key.dirty = false;
    if (key.saved) this.gone.push(`k${key.id}`);
    key.saved = false;
  }

  *save(writer: StateWriter, bytes: ByteWriter): Slices {
    for (const entry of this.gone) writer.delete(entry);
    const keys = new Set<WindowKey>();
    for (const key of this.dirtyKeys) {
      if (key.dirty) keys.add(key);
      else key.listedDirty = false;
    }
    const cells = new Set<number>();
    for (const cell of this.dirtyCells) {
      if ((this.flags[cell] & DIRTY) !== 0) cells.add(cell);
      else this.flags[cell] &= SAVED;
    }
    this.dirtyKeys = [];
    this.dirtyCells = [];
    this.gone = [];
    const slices = this.gradualCells.write(cells, (cell) => {
      this.savePane(writer, bytes, cell);
      this.flags[cell] &= SAVED;
    });
    // both begin before anything changes
    slices.next();
    yield* this.gradualKeys.write(keys, (key) => {
      this.saveKey(writer, bytes, key);
      key.dirty = false;
      key.listedDirty = false;
    });
    yield* slices;
  }

  saveAll(writer: StateWriter, bytes: ByteWriter, keys: Iterable<WindowKey>): void {
    for (const entry of this.gone) writer.delete(entry);
    for (const key of keys) {
      this.saveKey(writer, bytes, key);
      for (const cell of key.cells) this.savePane(writer, bytes, cell);
    }
  }

  restored(keys: Iterable<WindowKey>): void {
    for (const key of keys) {
      key.dirty = false;
      key.listedDirty = false;
      key.saved = true;
      for (const cell of key.cells) this.flags[cell] = SAVED;
    }
    this.dirtyKeys = [];
  }

  private saveKey(writer: StateWriter, bytes: ByteWriter, key: WindowKey): void {
    bytes.text(key.text);
    this.keyTypes.forEach((type, i) => {
      bytes.value(type, key.values[i]);
    });
    for (const start of key.fired) bytes.varint(start);
    writer.put(`k${key.id}`, bytes.finish());
    key.saved = true;
  }

  private savePane(writer: StateWriter, bytes: ByteWriter, cell: number): void {
    for (const aggregate of this.aggregates) aggregate.save(cell, bytes);
    writer.put(`p${this.owners[cell].id}.${this.starts[cell]}`, bytes.finish());
    this.flags[cell] |= SAVED;
  }
}
