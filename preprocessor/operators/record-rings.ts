import type { Value } from '@millrace/shared-schemas/types.ts';

/** A double that is no number of a record: a NaN whose upper half says so, its lower half which value it stands for. */
const BOX = 0x7ff8_b0c5;
const NULL = 0;
const FALSE = 1;
const TRUE = 2;
const FIRST = 3;

/** The upper half of a double in memory: this stage runs on little-endian machines only, as all that Node runs on are. */
const UPPER = 1;

/**
 * Many rings of records, in one array: a record is its time and a few values side by side. Numbers are held as they are; any
 * other value is *boxed*: a NaN that stands for NULL, a boolean or an entry of a table. A ring is a place and a capacity, a
 * power of two; record n of a ring lies at `address(place, capacity, n)`.
 */
export class RecordRings {
  /** numbers a record takes */
  private readonly width: number;
  private doubles: Float64Array;
  private words: Uint32Array;
  private used = 0;
  /** places that were given back, by capacity */
  private readonly free = new Map<number, number[]>();
  private readonly boxes: Value[] = [null, false, true];
  private readonly freeBoxes: number[] = [];

  constructor(values: number) {
    this.width = values + 1;
    this.doubles = new Float64Array(1024 * this.width);
    this.words = new Uint32Array(this.doubles.buffer);
  }

  /** A place for a ring. */
  take(capacity: number): number {
    const place = this.free.get(capacity)?.pop();
    if (place !== undefined) return place;
    const at = this.used;
    this.used += capacity * this.width;
    if (this.used > this.doubles.length) {
      const larger = new Float64Array(Math.max(this.used, this.doubles.length * 2));
      larger.set(this.doubles);
      this.doubles = larger;
      this.words = new Uint32Array(larger.buffer);
    }
    return at;
  }

  give(place: number, capacity: number): void {
    const places = this.free.get(capacity);
    if (places === undefined) this.free.set(capacity, [place]);
    else places.push(place);
  }

  /** n may be beyond 32 bits: only its lower bits count */
  address(place: number, capacity: number, n: number): number {
    return place + ((n | 0) & (capacity - 1)) * this.width;
  }

  timeAt(address: number): number {
    return this.doubles[address];
  }

  value(address: number, column: number): Value {
    const at = address + 1 + column;
    const number = this.doubles[at];
    // biome-ignore lint/suspicious/noSelfCompare: the quick way to tell a NaN
    if (number === number || this.words[2 * at + UPPER] !== BOX) return number;
    return this.boxes[this.words[2 * at]];
  }

  write(address: number, time: number, values: readonly Value[]): void {
    this.doubles[address] = time;
    for (let c = 0; c < values.length; c++) {
      const value = values[c];
      if (typeof value === 'number') this.doubles[address + 1 + c] = value;
      else this.box(address + 1 + c, value);
    }
  }

  /** whether there is anything that `forget` may free */
  get hasBoxes(): boolean {
    return this.boxes.length > FIRST;
  }

  /** A record is no more: its boxes are free. */
  forget(address: number): void {
    for (let at = address + 1; at < address + this.width; at++) {
      if (this.words[2 * at + UPPER] !== BOX) continue;
      const box = this.words[2 * at];
      if (box < FIRST) continue;
      this.boxes[box] = null;
      this.freeBoxes.push(box);
    }
  }

  /** Gives a record another time. */
  retime(address: number, time: number): void {
    this.doubles[address] = time;
  }

  /** Moves records `from` … `to` − 1 of a ring to a place of twice the capacity, and gives that. */
  enlarge(place: number, capacity: number, from: number, to: number): number {
    const larger = this.take(2 * capacity);
    for (let n = from; n < to; n++) this.move(this.address(place, capacity, n), this.address(larger, 2 * capacity, n));
    this.give(place, capacity);
    return larger;
  }

  /** Bit by bit, as an engine may change a NaN that it moves as a number. */
  move(from: number, to: number): void {
    const { words, width } = this;
    for (let i = 0; i < 2 * width; i++) words[2 * to + i] = words[2 * from + i];
  }

  private box(at: number, value: Value): void {
    this.words[2 * at + UPPER] = BOX;
    this.words[2 * at] = value === null ? NULL : value === false ? FALSE : value === true ? TRUE : this.keep(value);
  }

  private keep(value: Value): number {
    const box = this.freeBoxes.pop() ?? this.boxes.length;
    this.boxes[box] = value;
    return box;
  }
}
