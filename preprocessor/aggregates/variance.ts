import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { FlawError, type Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { addProduct, ExactSums, grown } from './exact-sum.ts';

/** from here on a square's products may leave the range of doubles */
const WIDE = 2 ** 400;

export type Spread = 'var_samp' | 'var_pop' | 'stddev_samp' | 'stddev_pop';

/**
 * Variances and standard deviations from exact Σx and Σx², as (n·Σx² − (Σx)²) / (n·n or n·(n − 1)) with an exact numerator: no
 * cancellation, and rows can be taken out again. DuckDB's (Welford's) agrees within its own rounding. Beyond ±2^400, and with
 * NaN or infinities, two rows or more are out of range, as they are in DuckDB unless they are (nearly) equal.
 */
export class Variance implements InvertibleAggregate {
  readonly kind = 'invertible';
  private n = new Float64Array(0);
  private wide = new Float64Array(0);
  private readonly sums = new ExactSums();
  private readonly squares = new ExactSums();
  private readonly numerator = new ExactSums();
  private readonly fn: Spread;

  constructor(fn: Spread) {
    this.fn = fn;
    this.numerator.reserve(1);
  }
  reserve(cells: number): void {
    if (cells <= this.n.length) return;
    this.n = grown(this.n, cells);
    this.wide = grown(this.wide, cells);
    this.sums.reserve(cells);
    this.squares.reserve(cells);
  }
  clear(cell: number): void {
    this.n[cell] = 0;
    this.wide[cell] = 0;
    this.sums.clear(cell);
    this.squares.clear(cell);
  }
  add(cell: number, value: Value): void {
    if (value === null) return;
    const x = value as number;
    this.n[cell]++;
    if (!(x < WIDE && x > -WIDE)) {
      this.wide[cell]++;
      return;
    }
    this.sums.add(cell, x);
    addProduct(this.squares, cell, x, x);
  }
  remove(cell: number, value: Value): void {
    if (value === null) return;
    const x = value as number;
    this.n[cell]--;
    if (!(x < WIDE && x > -WIDE)) {
      this.wide[cell]--;
      return;
    }
    this.sums.remove(cell, x);
    addProduct(this.squares, cell, -x, x);
  }
  merge(into: number, from: number): void {
    this.n[into] += this.n[from];
    this.wide[into] += this.wide[from];
    this.sums.merge(into, from);
    this.squares.merge(into, from);
  }
  unmerge(into: number, from: number): void {
    this.n[into] -= this.n[from];
    this.wide[into] -= this.wide[from];
    this.sums.unmerge(into, from);
    this.squares.unmerge(into, from);
  }
  result(cell: number): Value {
    const n = this.n[cell];
    const sample = this.fn === 'var_samp' || this.fn === 'stddev_samp';
    if (n === 0 || (sample && n === 1)) return null;
    if (n === 1) return 0;
    if (this.wide[cell] > 0) throw new FlawError('expression_failed', `${this.fn} is out of range`);
    const { numerator } = this;
    const sums = this.sums.parts(cell);
    numerator.clear(0);
    for (const square of this.squares.parts(cell)) addProduct(numerator, 0, square, n);
    for (const x of sums) for (const y of sums) addProduct(numerator, 0, -x, y);
    const variance = numerator.quotient(0, n) / (sample ? n - 1 : n);
    return this.fn === 'stddev_samp' || this.fn === 'stddev_pop' ? Math.sqrt(variance) : variance;
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.n[cell]);
    writer.varint(this.wide[cell]);
    this.sums.save(cell, writer);
    this.squares.save(cell, writer);
  }
  load(cell: number, reader: ByteReader): void {
    this.n[cell] = reader.varint();
    this.wide[cell] = reader.varint();
    this.sums.load(cell, reader);
    this.squares.load(cell, reader);
  }
}
