import type { Aggregate } from '@millrace/pipeline/aggregates/aggregate.ts';
import { Cells } from '@millrace/pipeline/aggregates/cells.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { Slices } from './gradual.ts';
import type { KeyNumbers } from './key-numbers.ts';
import type { StateWriter } from './operator.ts';
import { insertSorted, lowerBound } from './sorted.ts';
import { WindowEntries } from './window-entries.ts';
import { type SavedKey, WindowGroups } from './window-groups.ts';
import type { WindowKey } from './window-key.ts';
import type { WindowSaves } from './window-saves.ts';

/** stands for an id while a key rests */
const RESTS = -1;

/** Everyone's panes of one start. */
export interface Bucket {
  readonly start: number;
  readonly keys: WindowKey[];
}

/**
 * The keys of a window step and their panes.
 *
 * State: `n` next id · `g<n>` a group of keys, each with its values, fired windows and panes. Or, where a key may have many panes:
 * `k<id>` key, its values, fired windows · `p<id>.<start>` the pane's aggregates.
 */
export class WindowStore {
  readonly cells: Cells;
  /** by number */
  private readonly keys: (WindowKey | undefined)[] = [];
  private readonly numbers: KeyNumbers;
  /**
   * By number, in pairs: the pane that a key's last record went to, NaN for none, and its cell. Of keys with nothing fired, and since the last
   * snapshot, so that such a pane is known to be saved by the next.
   */
  private recents = new Float64Array(128).fill(Number.NaN);
  /** ascending by start */
  readonly buckets: Bucket[] = [];
  private readonly starts: number[] = [];
  private nextId = 0;
  private readonly aggregates: readonly Aggregate[];
  private readonly keyTypes: readonly SqlType[];
  private readonly saves: WindowSaves;
  private readonly groups: WindowGroups | null;
  /** keys that may rest since the bucket that went last; some of them may have panes again */
  private resting: WindowKey[] = [];

  /** `grouped`: a key has few panes, and each of them is small */
  constructor(aggregates: readonly Aggregate[], keyTypes: readonly SqlType[], numbers: KeyNumbers, grouped: boolean) {
    this.numbers = numbers;
    this.groups = grouped ? new WindowGroups(aggregates, keyTypes) : null;
    this.saves = this.groups ?? new WindowEntries(aggregates, keyTypes);
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

  /**
   * The cell of a pane of the key that `numbers` has found, when the key's last record went there too since the last snapshot and nothing of it
   * has fired; −1 when not.
   */
  recent(start: number): number {
    const at = 2 * this.numbers.number;
    const { recents } = this;
    return at >= 0 && at < recents.length && recents[at] === start ? recents[at + 1] : -1;
  }

  /** A record has gone to this pane. */
  went({ number, fired }: WindowKey, start: number, cell: number): void {
    if (fired.length > 0) return;
    if (2 * number >= this.recents.length) {
      const larger = new Float64Array(Math.max(2 * number + 2, this.recents.length * 2)).fill(Number.NaN);
      larger.set(this.recents);
      this.recents = larger;
    }
    this.recents[2 * number] = start;
    this.recents[2 * number + 1] = cell;
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

  /** A key, or what a pane of it holds (−1: none of them), is about to change. */
  changing(key: WindowKey, cell: number): void {
    this.saves.changing(key, cell);
  }

  addPane(key: WindowKey, start: number): number {
    this.saves.changing(key, -1);
    const cell = this.cells.take();
    if (key.starts.length === 0) {
      // as most keys have no other for long: an array that grows takes room for many
      key.starts = [start];
      key.cells = [cell];
    } else key.cells.splice(insertSorted(key.starts, start), 0, cell);
    this.saves.addedPane(key, start, cell);
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
      this.saves.changing(key, key.cells[0]);
      if (key.run !== null && key.run.from <= start) key.run.dropBefore(key, start + 1);
      // every earlier pane has gone with its own bucket
      key.starts.shift();
      const cell = key.cells.shift() as number;
      if (this.recents[2 * key.number] === start) this.recents[2 * key.number] = Number.NaN;
      this.cells.release(cell);
      this.saves.leftPane(key, start, cell);
      if (key.starts.length === 0) this.rest(key);
    }
  }

  changedPane(key: WindowKey, cell: number): void {
    this.saves.changedPane(key, cell);
  }

  /** Windows of the key have fired. */
  changedKey(key: WindowKey): void {
    this.recents[2 * key.number] = Number.NaN;
    this.saves.changedKey(key);
  }

  *snapshot(writer: StateWriter, all: boolean): Slices {
    const bytes = new ByteWriter();
    if (this.nextId > 0 && (all || this.saves.changed)) {
      bytes.varint(this.nextId);
      writer.put('n', bytes.finish());
    }
    if (all) {
      this.saves.saveAll(writer, bytes, this.awake());
      return;
    }
    this.recents.fill(Number.NaN);
    yield* this.saves.save(writer, bytes);
  }

  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void {
    const byId = new Map<number, WindowKey>();
    const byPane: string[] = [];
    const bytes = new ByteReader();
    for (const [entry, value] of entries) {
      bytes.start(value);
      const kind = entry[0];
      if (kind === 'n') this.nextId = bytes.varint();
      else if (kind === 'g' && this.groups !== null) {
        const begin = (key: SavedKey): WindowKey => this.putKey(key.id, key.text, key.values, key.fired);
        this.groups.load(Number(entry.slice(1)), bytes, begin, (key, start) => this.addPane(key, start));
      } else {
        byPane.push(entry);
        if (kind === 'k') this.loadKey(Number(entry.slice(1)), bytes, byId);
        else this.loadPane(entry, bytes, byId);
      }
    }
    this.saves.restored(this.awake(), byPane);
  }

  private loadKey(id: number, bytes: ByteReader, byId: Map<number, WindowKey>): void {
    const text = bytes.text();
    const values = this.keyTypes.map((type) => bytes.value(type));
    const fired: number[] = [];
    while (!bytes.done) fired.push(bytes.varint());
    byId.set(id, this.putKey(id, text, values, fired));
  }

  private loadPane(entry: string, bytes: ByteReader, byId: Map<number, WindowKey>): void {
    const [id, start] = entry.slice(1).split('.');
    const cell = this.addPane(byId.get(Number(id)) as WindowKey, Number(start));
    for (const aggregate of this.aggregates) aggregate.load(cell, bytes);
  }

  private *awake(): Iterable<WindowKey> {
    for (const key of this.keys) if (key !== undefined && key.id !== RESTS) yield key;
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
      listedDirty: false,
      saved: false,
      group: null,
    };
    this.keys[key.number] = key;
    this.recents[2 * key.number] = Number.NaN;
    this.saves.began(key);
    return key;
  }

  private rest(key: WindowKey): void {
    key.run?.release();
    key.run = null;
    key.fired.length = 0;
    this.saves.rests(key);
    key.id = RESTS;
    this.resting.push(key);
  }

  /** A key that rested has a record: it is as one that was never there. */
  private begin(key: WindowKey): void {
    key.id = this.nextId++;
    this.recents[2 * key.number] = Number.NaN;
    this.saves.began(key);
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
}
