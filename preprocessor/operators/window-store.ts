import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import { Cells } from '@millrace/pipeline/aggregates/cells.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { KeyNumbers } from './key-numbers.ts';
import type { StateWriter } from './operator.ts';
import type { PaneRun, Panes } from './pane-run.ts';
import { insertSorted, lowerBound } from './sorted.ts';

/** The pane has changed since the last snapshot; a snapshot may hold it; its cell is on the list of changed ones. */
const DIRTY = 1;
const SAVED = 2;
const LISTED = 4;

/** stands for an id while a key rests */
const RESTS = -1;

/** One key: with open panes, or resting. */
export interface WindowKey extends Panes {
  /** what it is saved under */
  id: number;
  readonly text: string;
  /** of the key among the task's */
  readonly number: number;
  starts: number[];
  cells: number[];
  /** of the key columns */
  readonly values: readonly Value[];
  /** runs of starts of windows that an end of the input has fired, as [first, last] pairs, ascending */
  readonly fired: number[];
  /** how many of its panes are in the window that fired last; kept by `ActiveKeys`, not saved */
  active: number;
  listed: boolean;
  /** not saved */
  run: PaneRun | null;
  dirty: boolean;
  /** on the list of changed keys */
  changed: boolean;
  /** a snapshot may hold it */
  saved: boolean;
}

/** Everyone's panes of one start. */
export interface Bucket {
  readonly start: number;
  readonly keys: WindowKey[];
}

/**
 * The keys of a window step and their panes, and how they are saved.
 *
 * State: `n` next id · `k<id>` key, its values, fired windows · `p<id>.<start>` the pane's aggregates.
 */
export class WindowStore {
  readonly cells: Cells;
  /** by number */
  private readonly keys: (WindowKey | undefined)[] = [];
  private readonly numbers: KeyNumbers;
  /** by number: the pane that a key's last record went to (NaN for none), and its cell; of keys with nothing fired */
  private recentStart = new Float64Array(64).fill(Number.NaN);
  private recentCell = new Int32Array(64);
  /** ascending by start */
  readonly buckets: Bucket[] = [];
  private readonly starts: number[] = [];
  private nextId = 0;
  private readonly aggregates: readonly Aggregate[];
  private readonly keyTypes: readonly SqlType[];
  /** of each cell: the pane it is, and `DIRTY` and `SAVED` */
  private owners: WindowKey[] = [];
  private ownStarts: number[] = [];
  private flags = new Uint8Array(64);
  private dirtyCells: number[] = [];
  private dirtyKeys: WindowKey[] = [];
  /** keys that may rest since the bucket that went last; some of them may have panes again */
  private resting: WindowKey[] = [];
  private gone: string[] = [];

  constructor(aggregates: readonly Aggregate[], keyTypes: readonly SqlType[], numbers: KeyNumbers) {
    this.numbers = numbers;
    this.aggregates = aggregates;
    this.keyTypes = keyTypes;
    this.cells = new Cells(aggregates);
  }

  /** The key that `numbers` has found, with a new id if it rested. */
  key(): WindowKey | undefined {
    const { number } = this.numbers;
    const key = number < 0 ? undefined : this.keys[number];
    if (key !== undefined && key.id === RESTS) this.begin(key);
    return key;
  }

  /** The cell of a pane of the key that `numbers` has found, when the key's last record went there too and nothing of it has fired; −1 when not. */
  recent(start: number): number {
    const { number } = this.numbers;
    return number >= 0 && number < this.recentStart.length && this.recentStart[number] === start ? this.recentCell[number] : -1;
  }

  /** A record has gone to this pane. */
  went({ number, fired }: WindowKey, start: number, cell: number): void {
    if (fired.length > 0) return;
    if (number >= this.recentStart.length) {
      const size = Math.max(number + 1, this.recentStart.length * 2);
      const starts = new Float64Array(size).fill(Number.NaN);
      starts.set(this.recentStart);
      const cells = new Int32Array(size);
      cells.set(this.recentCell);
      this.recentStart = starts;
      this.recentCell = cells;
    }
    this.recentStart[number] = start;
    this.recentCell[number] = cell;
  }

  addKey(text: string, values: readonly Value[]): WindowKey {
    return this.putKey(this.nextId++, text, values, []);
  }

  /** The pane's cell, −1 when the key has none there. */
  find(key: WindowKey, start: number): number {
    const { starts } = key;
    const last = starts.length - 1;
    if (last >= 0 && starts[last] === start) return key.cells[last];
    const at = lowerBound(starts, start);
    return at <= last && starts[at] === start ? key.cells[at] : -1;
  }

  addPane(key: WindowKey, start: number): number {
    const cell = this.cells.take();
    if (key.starts.length === 0) {
      // as most keys have no other for long: an array that grows takes room for many
      key.starts = [start];
      key.cells = [cell];
    } else key.cells.splice(insertSorted(key.starts, start), 0, cell);
    this.owners[cell] = key;
    this.ownStarts[cell] = start;
    if (cell >= this.flags.length) {
      const larger = new Uint8Array(Math.max(cell + 1, this.flags.length * 2));
      larger.set(this.flags);
      this.flags = larger;
    }
    this.flags[cell] &= LISTED;
    this.bucket(start).keys.push(key);
    return cell;
  }

  /**
   * Forgets the first bucket: its panes, and keys that are left without any. Those rest until the next bucket goes: nothing is saved of them, but
   * most come back before that, and need not be made, found and sorted anew.
   */
  dropFirst(): void {
    const { start, keys } = this.buckets.shift() as Bucket;
    this.starts.shift();
    for (const key of this.resting) if (key.id === RESTS) this.dropKey(key);
    this.resting = [];
    for (const key of keys) {
      if (key.run !== null && key.run.from <= start) key.run.dropBefore(key, start + 1);
      // every earlier pane has gone with its own bucket
      key.starts.shift();
      const cell = key.cells.shift() as number;
      if (this.recentStart[key.number] === start) this.recentStart[key.number] = Number.NaN;
      this.cells.release(cell);
      // most panes come and go between two snapshots
      if ((this.flags[cell] & SAVED) !== 0) this.gone.push(`p${key.id}.${start}`);
      this.flags[cell] &= LISTED;
      if (key.starts.length === 0) this.rest(key);
    }
  }

  changedPane(cell: number): void {
    const flags = this.flags[cell];
    if ((flags & DIRTY) !== 0) return;
    this.flags[cell] = flags | DIRTY | LISTED;
    if ((flags & LISTED) === 0) this.dirtyCells.push(cell);
  }

  changedKey(key: WindowKey): void {
    this.recentStart[key.number] = Number.NaN;
    key.dirty = true;
    if (key.changed) return;
    key.changed = true;
    this.dirtyKeys.push(key);
  }

  snapshot(writer: StateWriter, all: boolean): void {
    for (const entry of this.gone) writer.delete(entry);
    const bytes = new ByteWriter();
    if (this.nextId > 0 && (all || this.dirtyCells.length + this.dirtyKeys.length + this.gone.length > 0)) {
      bytes.varint(this.nextId);
      writer.put('n', bytes.finish());
    }
    if (all) {
      for (const key of this.keys) {
        if (key === undefined || key.id === RESTS) continue;
        this.saveKey(writer, bytes, key);
        for (const cell of key.cells) this.savePane(writer, bytes, cell);
      }
      return;
    }
    for (const key of this.dirtyKeys) {
      if (key.dirty) this.saveKey(writer, bytes, key);
      key.dirty = false;
      key.changed = false;
    }
    for (const cell of this.dirtyCells) {
      if ((this.flags[cell] & DIRTY) !== 0) this.savePane(writer, bytes, cell);
      this.flags[cell] &= SAVED;
    }
    this.dirtyKeys = [];
    this.dirtyCells = [];
    this.gone = [];
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const byId = new Map<number, WindowKey>();
    const bytes = new ByteReader();
    for (const [entry, value] of entries) {
      bytes.start(value);
      if (entry === 'n') this.nextId = bytes.varint();
      else if (entry.startsWith('k')) {
        const id = Number(entry.slice(1));
        const text = bytes.text();
        const values = this.keyTypes.map((type) => bytes.value(type));
        const fired: number[] = [];
        while (!bytes.done) fired.push(bytes.varint());
        byId.set(id, this.putKey(id, text, values, fired));
      } else {
        const [id, start] = entry.slice(1).split('.');
        const cell = this.addPane(byId.get(Number(id)) as WindowKey, Number(start));
        for (const aggregate of this.aggregates) aggregate.load(cell, bytes);
      }
    }
    for (const key of byId.values()) {
      key.dirty = false;
      key.changed = false;
      key.saved = true;
      for (const cell of key.cells) this.flags[cell] = SAVED;
    }
    this.dirtyKeys = [];
  }

  private putKey(id: number, text: string, values: readonly Value[], fired: number[]): WindowKey {
    const key: WindowKey = {
      id,
      text,
      number: this.numbers.hold(text),
      values,
      fired,
      starts: [],
      cells: [],
      active: 0,
      listed: false,
      run: null,
      dirty: false,
      changed: false,
      saved: false,
    };
    this.keys[key.number] = key;
    this.changedKey(key);
    return key;
  }

  private rest(key: WindowKey): void {
    key.run?.release();
    key.run = null;
    key.fired.length = 0;
    key.dirty = false;
    if (key.saved) this.gone.push(`k${key.id}`);
    key.saved = false;
    key.id = RESTS;
    this.resting.push(key);
  }

  /** A key that rested has a record: it is as one that was never there. */
  private begin(key: WindowKey): void {
    key.id = this.nextId++;
    this.changedKey(key);
  }

  private dropKey(key: WindowKey): void {
    this.keys[key.number] = undefined;
    this.numbers.release(key.number);
  }

  private bucket(start: number): Bucket {
    const last = this.buckets.length - 1;
    if (last >= 0 && this.starts[last] === start) return this.buckets[last];
    const at = lowerBound(this.starts, start);
    if (at <= last && this.starts[at] === start) return this.buckets[at];
    const bucket = { start, keys: [] };
    this.starts.splice(at, 0, start);
    this.buckets.splice(at, 0, bucket);
    return bucket;
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
    writer.put(`p${this.owners[cell].id}.${this.ownStarts[cell]}`, bytes.finish());
    this.flags[cell] |= SAVED;
  }
}
