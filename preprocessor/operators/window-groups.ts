import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { Gradual, type Slices } from './gradual.ts';
import type { StateWriter } from './operator.ts';
import type { WindowGroup, WindowKey } from './window-key.ts';
import type { WindowSaves } from './window-saves.ts';

/** Keys that are saved together: what is written again when one of them changes. An entry costs as much as a dozen keys in it, most of which change anyway. */
const SIZE = 8;

/** What of a key is read back. */
export interface SavedKey {
  readonly id: number;
  readonly text: string;
  readonly values: readonly Value[];
  readonly fired: number[];
}

/** Saves keys with all their panes, some keys together: for windows whose keys have one or two panes, which go as soon as they have fired. */
export class WindowGroups implements WindowSaves {
  private readonly aggregates: readonly Aggregate[];
  private readonly keyTypes: readonly SqlType[];
  private readonly groups = new Map<number, WindowGroup>();
  private last: WindowGroup | null = null;
  private dirty = new Set<WindowGroup>();
  private gone: readonly string[] = [];
  private readonly gradual = new Gradual<WindowGroup>();

  constructor(aggregates: readonly Aggregate[], keyTypes: readonly SqlType[]) {
    this.aggregates = aggregates;
    this.keyTypes = keyTypes;
  }

  get changed(): boolean {
    return this.dirty.size + this.gone.length > 0;
  }

  changing({ group }: WindowKey): void {
    if (group !== null) this.gradual.touch(group);
  }

  began(key: WindowKey): void {
    const number = Math.floor(key.id / SIZE);
    let group = this.last;
    if (group === null || group.number !== number) {
      if (group !== null && group.live === 0 && !group.saved) this.drop(group);
      group = this.groups.get(number) ?? { number, keys: [], live: 0, saved: false };
      this.groups.set(number, group);
      this.last = group;
    }
    this.gradual.touch(group);
    group.keys[key.id - number * SIZE] = key;
    group.live++;
    key.group = group;
    this.dirty.add(group);
  }

  changedKey(key: WindowKey): void {
    this.dirty.add(key.group as WindowGroup);
  }

  addedPane(key: WindowKey): void {
    this.dirty.add(key.group as WindowGroup);
  }

  changedPane(key: WindowKey): void {
    this.dirty.add(key.group as WindowGroup);
  }

  leftPane(key: WindowKey): void {
    this.dirty.add(key.group as WindowGroup);
  }

  rests(key: WindowKey): void {
    const group = key.group as WindowGroup;
    key.group = null;
    group.live--;
    if (group.live > 0 || group.saved || group === this.last) this.dirty.add(group);
    else this.drop(group);
  }

  *save(writer: StateWriter, bytes: ByteWriter): Slices {
    for (const entry of this.gone) writer.delete(entry);
    const { dirty } = this;
    this.gone = [];
    this.dirty = new Set();
    yield* this.gradual.write(dirty, (group) => {
      if (group.live > 0) {
        this.saveGroup(writer, bytes, group);
        return;
      }
      if (group.saved) writer.delete(`g${group.number}`);
      group.saved = false;
      if (group !== this.last) this.drop(group);
    });
  }

  saveAll(writer: StateWriter, bytes: ByteWriter): void {
    for (const entry of this.gone) writer.delete(entry);
    for (const group of this.groups.values()) if (group.live > 0) this.saveGroup(writer, bytes, group);
  }

  restored(_: Iterable<WindowKey>, byPane: readonly string[]): void {
    this.gone = byPane;
    if (byPane.length > 0) return;
    for (const group of this.groups.values()) group.saved = true;
    this.dirty.clear();
  }

  /** Reads a group back: `begin` is given each key, `pane` gives a new pane's cell. */
  load(number: number, bytes: ByteReader, begin: (saved: SavedKey) => WindowKey, pane: (key: WindowKey, start: number) => number): void {
    while (!bytes.done) {
      const id = number * SIZE + bytes.varint();
      const text = bytes.text();
      const values = this.keyTypes.map((type) => bytes.value(type));
      const fired: number[] = [];
      for (let n = bytes.varint(); n > 0; n--) fired.push(bytes.varint());
      const key = begin({ id, text, values, fired });
      for (let n = bytes.varint(); n > 0; n--) {
        const cell = pane(key, bytes.varint());
        for (const aggregate of this.aggregates) aggregate.load(cell, bytes);
      }
    }
  }

  private saveGroup(writer: StateWriter, bytes: ByteWriter, group: WindowGroup): void {
    const { number, keys } = group;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key !== undefined && key.id === number * SIZE + i) this.saveKey(bytes, key, i);
    }
    writer.put(`g${number}`, bytes.finish());
    group.saved = true;
  }

  private saveKey(bytes: ByteWriter, { text, values, fired, starts, cells }: WindowKey, place: number): void {
    bytes.varint(place);
    bytes.text(text);
    for (let i = 0; i < values.length; i++) bytes.value(this.keyTypes[i], values[i]);
    bytes.varint(fired.length);
    for (const start of fired) bytes.varint(start);
    bytes.varint(starts.length);
    for (let i = 0; i < starts.length; i++) {
      bytes.varint(starts[i]);
      for (const aggregate of this.aggregates) aggregate.save(cells[i], bytes);
    }
  }

  /** nothing of it is saved or to be saved */
  private drop(group: WindowGroup): void {
    this.groups.delete(group.number);
    this.dirty.delete(group);
  }
}
