import { ByteReader, type ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Row, SqlType } from '@millrace/shared-schemas/types.ts';
import { Expiry } from './expiry.ts';
import { Gradual, type Slices } from './gradual.ts';
import type { KeyNumbers } from './key-numbers.ts';
import type { StateWriter } from './operator.ts';
import type { Histories } from './rolling-history.ts';

/** records in a block: what is written again when one of them changes */
const BLOCK = 64;

/** what has changed of what is saved of a key: no records, or records too */
const HEADER = 1;
const RECORDS = 2;

/** What is saved of a key, and what of that is not as it stands. */
interface Entry {
  readonly id: number;
  readonly text: string;
  readonly cell: number;
  /** of the key among the task's */
  readonly number: number;
  /** when it is looked at, to be forgotten */
  due: number;
  /** records from this number on have changed; +Infinity for none */
  from: number;
  /** the block that was last when the key was saved: those before it are saved of themselves, it is not */
  last: number;
  /** blocks that may be saved, of themselves: [savedFrom, savedTo) */
  savedFrom: number;
  savedTo: number;
}

/**
 * The keys of a rolling step, when they are forgotten, and how they are saved.
 *
 * State: `k<id>` due, number of the first record kept, key, the last block of records · `b<id>.<n>` a block before it, records BLOCK·n and on.
 * A block is the number of the first in it, then each one's time and arguments. The running windows follow from these. Most of what
 * changes is at the end of a history, and most histories are one block: so a key that has changed is mostly one entry.
 */
export class RollingStore {
  readonly expiry: Expiry<number>;
  nextId = 0;
  private readonly histories: Histories;
  private readonly types: readonly SqlType[];
  private readonly numbers: KeyNumbers;
  /** by the key's number; −1 for none */
  private cells = new Int32Array(64).fill(-1);
  /** by cell */
  private readonly entries: (Entry | undefined)[] = [];
  /** entries that have changed, by cell; each once, as `listed` says */
  private changed: number[] = [];
  private listed = new Uint8Array(64);
  private gone: string[] = [];
  private readonly gradual = new Gradual<number>();

  constructor(histories: Histories, types: readonly SqlType[], numbers: KeyNumbers) {
    this.numbers = numbers;
    this.histories = histories;
    this.types = types;
    this.expiry = new Expiry(histories.keep);
  }

  /** The history of the row's key, which `numbers` has found and which is about to change; a new one is due when a record of `time` alone would be. */
  open(row: Row, time: number): number {
    const { number } = this.numbers;
    if (number >= 0 && number < this.cells.length && this.cells[number] >= 0) {
      const cell = this.cells[number];
      this.gradual.touch(cell);
      return cell;
    }
    const text = this.numbers.text(row) as string;
    const cell = this.histories.open(0);
    const due = this.expiry.add(cell, time + this.histories.keep);
    this.put({ id: this.nextId++, text, cell, due, from: 0, last: 0, savedFrom: 0, savedTo: 0 });
    this.list(cell);
    return cell;
  }

  /** Records from this number on are not saved as they stand. */
  changedFrom(cell: number, n: number): void {
    // behind what has changed already: the entry need not be looked at
    if (cell < this.listed.length && this.listed[cell] === RECORDS && this.histories.isLast(cell, n)) return;
    const entry = this.entries[cell] as Entry;
    if (n < entry.from) entry.from = n;
    this.list(cell);
    this.listed[cell] = RECORDS;
  }

  /** The first record has changed. */
  forgot(cell: number): void {
    this.list(cell);
  }

  /** Looks at the keys that are due: forgets what is past, and the key when nothing is left. */
  expire(at: number): void {
    const { histories } = this;
    for (const cell of this.expiry.take(at)) {
      this.gradual.touch(cell);
      histories.forget(cell, at, 0);
      const entry = this.entries[cell] as Entry;
      if (histories.first(cell) < histories.end(cell)) {
        entry.due = this.expiry.add(cell, histories.latest(cell) + histories.keep);
        this.forgot(cell);
      } else {
        this.cells[entry.number] = -1;
        this.numbers.release(entry.number);
        this.entries[cell] = undefined;
        this.listed[cell] = 0;
        histories.close(cell);
        this.gone.push(`k${entry.id}`);
        for (let block = entry.savedFrom; block < entry.savedTo; block++) this.gone.push(`b${entry.id}.${block}`);
      }
    }
  }

  *snapshot(writer: StateWriter, bytes: ByteWriter, all: boolean): Slices {
    for (const entry of this.gone) writer.delete(entry);
    if (all) {
      for (const entry of this.entries) if (entry !== undefined) this.save(writer, bytes, entry, 0);
      return;
    }
    // some have gone since they changed
    const changed = new Set(this.changed.filter((cell) => this.listed[cell] !== 0));
    this.gone = [];
    this.changed = [];
    yield* this.gradual.write(changed, (cell) => {
      const entry = this.entries[cell] as Entry;
      entry.last = this.save(writer, bytes, entry, Math.min(entry.last, Math.floor(entry.from / BLOCK)));
      entry.from = Number.POSITIVE_INFINITY;
      this.listed[cell] = 0;
    });
  }

  /** Writes a key with its last block, whose number it gives, and the blocks from `from` on that come before. */
  private save(writer: StateWriter, bytes: ByteWriter, entry: Entry, from: number): number {
    const { histories } = this;
    const { id, cell } = entry;
    const first = histories.first(cell);
    const end = histories.end(cell);
    const firstBlock = Math.floor(first / BLOCK);
    const lastBlock = lastBlockOf(first, end);
    for (let block = entry.savedFrom; block < Math.min(firstBlock, entry.savedTo); block++) writer.delete(`b${id}.${block}`);
    for (let block = Math.max(firstBlock, from); block < lastBlock; block++) {
      this.saveRecords(bytes, cell, Math.max(first, block * BLOCK), (block + 1) * BLOCK);
      writer.put(`b${id}.${block}`, bytes.finish());
    }
    bytes.f64(entry.due);
    bytes.varint(first);
    bytes.text(entry.text);
    this.saveRecords(bytes, cell, Math.max(first, lastBlock * BLOCK), end);
    writer.put(`k${id}`, bytes.finish());
    // blocks of a dump that came before may be in the same place
    entry.savedFrom = firstBlock;
    entry.savedTo = Math.max(entry.savedTo, lastBlock);
    return lastBlock;
  }

  private saveRecords(bytes: ByteWriter, cell: number, start: number, end: number): void {
    const { histories, types } = this;
    bytes.varint(start);
    for (let n = start; n < end; n++) {
      bytes.f64(histories.time(cell, n));
      for (let c = 0; c < types.length; c++) bytes.value(types[c], histories.argument(cell, n, c));
    }
  }

  /** Takes back a snapshot's entries `k…` and `b…`. */
  restore(saved: readonly (readonly [key: string, value: Uint8Array])[]): void {
    const blocks = new Map<number, [block: number, value: Uint8Array][]>();
    for (const [name, value] of saved) {
      if (!name.startsWith('b')) continue;
      const [id, block] = name.slice(1).split('.').map(Number);
      const had = blocks.get(id);
      if (had === undefined) blocks.set(id, [[block, value]]);
      else had.push([block, value]);
    }
    const header = new ByteReader();
    const bytes = new ByteReader();
    for (const [name, value] of saved) {
      if (!name.startsWith('k')) continue;
      header.start(value);
      const id = Number(name.slice(1));
      const due = header.f64();
      const first = header.varint();
      const text = header.text();
      const cell = this.histories.open(first);
      const own = (blocks.get(id) ?? []).sort(([a], [b]) => a - b);
      // once the last block was an entry like the others; such a one may still be there
      const lastFrom = header.done ? Number.POSITIVE_INFINITY : header.varint();
      for (const [, block] of own) {
        bytes.start(block);
        this.loadRecords(cell, bytes, bytes.varint(), first, lastFrom);
      }
      if (lastFrom < Number.POSITIVE_INFINITY) this.loadRecords(cell, header, lastFrom, first, Number.POSITIVE_INFINITY);
      const savedFrom = own.length > 0 ? own[0][0] : 0;
      const savedTo = own.length > 0 ? own[own.length - 1][0] + 1 : 0;
      const last = lastBlockOf(first, this.histories.end(cell));
      this.put({ id, text, cell, due, from: Number.POSITIVE_INFINITY, last, savedFrom, savedTo });
      this.expiry.put(cell, due);
      this.histories.settle(cell);
    }
  }

  /** Takes back the records of a block from number `n` on, of those below `to`. */
  private loadRecords(cell: number, bytes: ByteReader, n: number, first: number, to: number): void {
    for (let number = n; !bytes.done; number++) {
      const time = bytes.f64();
      const values = this.types.map((type) => bytes.value(type));
      // what a later cut has forgotten may still lie in an older block
      if (number >= first && number < to) this.histories.load(cell, time, values);
    }
  }

  private put(saved: Omit<Entry, 'number'>): void {
    const entry = { ...saved, number: this.numbers.hold(saved.text) };
    if (entry.number >= this.cells.length) {
      const larger = new Int32Array(Math.max(entry.number + 1, this.cells.length * 2)).fill(-1);
      larger.set(this.cells);
      this.cells = larger;
    }
    this.cells[entry.number] = entry.cell;
    this.entries[entry.cell] = entry;
  }

  private list(cell: number): void {
    if (cell >= this.listed.length) {
      const larger = new Uint8Array(Math.max(cell + 1, this.listed.length * 2));
      larger.set(this.listed);
      this.listed = larger;
    }
    if (this.listed[cell] !== 0) return;
    this.listed[cell] = HEADER;
    this.changed.push(cell);
  }
}

/** The number of the block that the last of the records [first, end) is in. */
function lastBlockOf(first: number, end: number): number {
  return Math.floor(Math.max(first, end - 1) / BLOCK);
}
