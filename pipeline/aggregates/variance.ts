import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { FlawError, type Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { addProduct, ExactSums, SUM_WIDTH } from './exact-sum.ts';
import { Slab } from './slab.ts';

/** from here on a square's products may leave the range of doubles */
const WIDE = 2 ** 400;

export type Spread = 'var_samp' | 'var_pop' | 'stddev_samp' | 'stddev_pop';

/**
 * Variances and standard deviations from exact Σx and Σx², as (n·Σx² − (Σx)²) / (n·n or n·(n − 1)) with an exact numerator: no
 * cancellation, and rows can be taken out again. DuckDB's (Welford's) agrees within its own rounding. Beyond ±2^400, and with
 * NaN or infinities, two rows or more are out of range, as they are in DuckDB unless they are (nearly) equal.
 * A cell is [n, how many of these, Σx, Σx²].
 */
export class Variance implements InvertibleAggregate {
  readonly kind = 'invertible';
  readonly width = 2 + 2 * SUM_WIDTH;
  private slab = new Slab(2 + 2 * SUM_WIDTH);
  private offset = 0;
  private sums = new ExactSums(this.slab, 2);
  private squares = new ExactSums(this.slab, 2 + SUM_WIDTH);
  private readonly numerator: ExactSums;
  private readonly fn: Spread;

  constructor(fn: Spread) {
    this.fn = fn;
    const one = new Slab(SUM_WIDTH);
    one.reserve(1);
    this.numerator = new ExactSums(one);
  }
  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
    this.sums = new ExactSums(slab, offset + 2);
    this.squares = new ExactSums(slab, offset + 2 + SUM_WIDTH);
  }
  clear(cell: number): void {
    const at = this.at(cell);
    this.slab.data[at] = 0;
    this.slab.data[at + 1] = 0;
    this.sums.clear(cell);
    this.squares.clear(cell);
  }
  add(cell: number, value: Value): void {
    if (value !== null) this.count(cell, value as number, 1);
  }
  remove(cell: number, value: Value): void {
    if (value !== null) this.count(cell, value as number, -1);
  }
  merge(into: number, from: number): void {
    const { data } = this.slab;
    data[this.at(into)] += data[this.at(from)];
    data[this.at(into) + 1] += data[this.at(from) + 1];
    this.sums.merge(into, from);
    this.squares.merge(into, from);
  }
  unmerge(into: number, from: number): void {
    const { data } = this.slab;
    data[this.at(into)] -= data[this.at(from)];
    data[this.at(into) + 1] -= data[this.at(from) + 1];
    this.sums.unmerge(into, from);
    this.squares.unmerge(into, from);
  }
  result(cell: number): Value {
    const at = this.at(cell);
    const n = this.slab.data[at];
    const sample = this.fn === 'var_samp' || this.fn === 'stddev_samp';
    if (n === 0 || (sample && n === 1)) return null;
    if (n === 1) return 0;
    if (this.slab.data[at + 1] > 0) throw new FlawError('expression_failed', `${this.fn} is out of range`);
    const { numerator } = this;
    const sums = this.sums.parts(cell);
    numerator.clear(0);
    for (const square of this.squares.parts(cell)) addProduct(numerator, 0, square, n);
    for (const x of sums) for (const y of sums) addProduct(numerator, 0, -x, y);
    const variance = numerator.quotient(0, n) / (sample ? n - 1 : n);
    return this.fn === 'stddev_samp' || this.fn === 'stddev_pop' ? Math.sqrt(variance) : variance;
  }
  save(cell: number, writer: ByteWriter): void {
    const at = this.at(cell);
    writer.varint(this.slab.data[at]);
    writer.varint(this.slab.data[at + 1]);
    this.sums.save(cell, writer);
    this.squares.save(cell, writer);
  }
  load(cell: number, reader: ByteReader): void {
    const at = this.at(cell);
    this.slab.data[at] = reader.varint();
    this.slab.data[at + 1] = reader.varint();
    this.sums.load(cell, reader);
    this.squares.load(cell, reader);
  }
  private count(cell: number, x: number, sign: 1 | -1): void {
    const at = this.at(cell);
    this.slab.data[at] += sign;
    if (x < WIDE && x > -WIDE) {
      this.sums.add(cell, sign * x);
      addProduct(this.squares, cell, sign * x, x);
    } else this.slab.data[at + 1] += sign;
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
