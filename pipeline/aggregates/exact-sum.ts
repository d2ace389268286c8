import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { Slab } from './slab.ts';

/** from here on a finite value is kept scaled down, so that no sum on the way overflows */
const LARGE = 2 ** 900;
const DOWN = 2 ** -200;
const UP = 2 ** 200;
/** what is smaller has bits that are lost on the way down; beside a large sum only its sign counts, where it breaks a tie */
const SMALL = 2 ** -769;

/** numbers that a sum takes in a row of a slab */
export const SUM_WIDTH = 3;

/** How many of each of the values that have no place in a sum. */
interface Special {
  nan: number;
  positive: number;
  negative: number;
}

/**
 * Exact sums of doubles, one a cell: as an unevaluated sum of doubles that grows when it must (Shewchuk, "Adaptive precision
 * floating-point arithmetic", 1997). Adding and taking out lose nothing, so a sum depends on no order and on no history, and
 * `value` is the true sum rounded once. Three doubles hold it nearly always; the rest of an expansion is in a side table.
 */
export class ExactSums {
  private readonly slab: Slab;
  private readonly offset: number;
  /** what three doubles cannot hold: not overlapping, ascending in magnitude */
  private readonly rest = new Map<number, number[]>();
  private readonly special = new Map<number, Special>();
  private large: ExactSums | null = null;

  /** a sum's doubles are in the slab's row of its cell, at `offset` and behind it */
  constructor(slab: Slab = new Slab(SUM_WIDTH), offset = 0) {
    this.slab = slab;
    this.offset = offset;
  }

  clear(cell: number): void {
    const at = this.at(cell);
    this.slab.data[at] = 0;
    this.slab.data[at + 1] = 0;
    this.slab.data[at + 2] = 0;
    if (this.rest.size > 0) this.rest.delete(cell);
    if (this.special.size > 0) this.special.delete(cell);
    if (this.large !== null) this.largeSums(cell).clear(cell);
  }

  add(cell: number, x: number): void {
    if (!(x < LARGE && x > -LARGE)) {
      this.addSpecial(cell, x, 1);
      return;
    }
    const { data } = this.slab;
    const at = this.at(cell);
    const a = data[at];
    const s = a + x;
    const b = s - a;
    const e = a - (s - b) + (x - b);
    data[at] = s;
    if (e === 0) return;
    const c = data[at + 1];
    const t = c + e;
    const d = t - c;
    const f = c - (t - d) + (e - d);
    data[at + 1] = t;
    if (f === 0) return;
    const g = data[at + 2];
    const u = g + f;
    const h = u - g;
    const r = g - (u - h) + (f - h);
    data[at + 2] = u;
    if (r !== 0) this.spill(cell, r);
  }

  remove(cell: number, x: number): void {
    if (!(x < LARGE && x > -LARGE)) this.addSpecial(cell, x, -1);
    else this.add(cell, -x);
  }

  merge(into: number, from: number): void {
    this.combine(into, from, 1);
  }

  unmerge(into: number, from: number): void {
    this.combine(into, from, -1);
  }

  /** The sum, rounded once to the nearest double; NaN and infinities as IEEE 754 adds them. */
  value(cell: number): number {
    return this.quotient(cell, 1);
  }

  /** The sum over n; right even where the sum alone is out of a double's range. */
  quotient(cell: number, n: number): number {
    const special = this.special.size > 0 ? this.special.get(cell) : undefined;
    if (special !== undefined) {
      if (special.nan > 0 || (special.positive > 0 && special.negative > 0)) return Number.NaN;
      if (special.positive > 0) return Number.POSITIVE_INFINITY;
      if (special.negative > 0) return Number.NEGATIVE_INFINITY;
    }
    const large = this.large === null ? [] : this.largeSums(cell).parts(cell);
    if (large.length > 0) {
      let small = 0;
      for (const part of this.parts(cell)) {
        if (Math.abs(part) < SMALL) small = Math.sign(part);
        else grow(large, part * DOWN);
      }
      grow(large, small * Number.MIN_VALUE);
      return (rounded(large) / n) * UP;
    }
    const at = this.at(cell);
    if (this.slab.data[at + 2] !== 0 || (this.rest.size > 0 && this.rest.has(cell))) return rounded(this.parts(cell)) / n;
    return (this.slab.data[at] + this.slab.data[at + 1]) / n;
  }

  /** whether a NaN or an infinity is in the sum */
  isSpecial(cell: number): boolean {
    return this.special.has(cell);
  }

  /** The sum, without specials and large values, as doubles that do not overlap, ascending; none for 0. */
  parts(cell: number): number[] {
    const parts = this.rest.get(cell)?.slice() ?? [];
    const at = this.at(cell);
    grow(parts, this.slab.data[at + 2]);
    grow(parts, this.slab.data[at + 1]);
    grow(parts, this.slab.data[at]);
    return parts;
  }

  save(cell: number, writer: ByteWriter): void {
    const at = this.at(cell);
    writer.f64(this.slab.data[at]);
    writer.f64(this.slab.data[at + 1]);
    writer.f64(this.slab.data[at + 2]);
    const rest = this.rest.get(cell) ?? [];
    writer.varint(rest.length);
    for (const part of rest) writer.f64(part);
    const special = this.special.get(cell);
    writer.varint(special?.nan ?? 0);
    writer.varint(special?.positive ?? 0);
    writer.varint(special?.negative ?? 0);
    const large = this.large !== null && this.largeSums(cell).parts(cell).length > 0;
    writer.varint(large ? 1 : 0);
    if (large) this.large?.save(cell, writer);
  }

  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    const at = this.at(cell);
    this.slab.data[at] = reader.f64();
    this.slab.data[at + 1] = reader.f64();
    this.slab.data[at + 2] = reader.f64();
    const rest: number[] = [];
    for (let n = reader.varint(); n > 0; n--) rest.push(reader.f64());
    if (rest.length > 0) this.rest.set(cell, rest);
    const special = { nan: reader.varint(), positive: reader.varint(), negative: reader.varint() };
    if (special.nan + special.positive + special.negative > 0) this.special.set(cell, special);
    if (reader.varint() === 1) this.largeSums(cell).load(cell, reader);
  }

  private combine(into: number, from: number, sign: 1 | -1): void {
    const at = this.at(from);
    const { data } = this.slab;
    this.add(into, sign * data[at]);
    if (data[at + 1] !== 0) this.add(into, sign * data[at + 1]);
    if (data[at + 2] !== 0) this.add(into, sign * data[at + 2]);
    if (this.rest.size > 0) for (const part of this.rest.get(from) ?? []) this.add(into, sign * part);
    const special = this.special.size > 0 ? this.special.get(from) : undefined;
    if (special !== undefined) this.count(into, sign * special.nan, sign * special.positive, sign * special.negative);
    if (this.large !== null) this.largeSums(Math.max(into, from)).combine(into, from, sign);
  }

  private addSpecial(cell: number, x: number, sign: 1 | -1): void {
    if (Number.isFinite(x)) this.largeSums(cell).add(cell, sign * x * DOWN);
    else if (Number.isNaN(x)) this.count(cell, sign, 0, 0);
    else this.count(cell, 0, x > 0 ? sign : 0, x > 0 ? 0 : sign);
  }

  private count(cell: number, nan: number, positive: number, negative: number): void {
    const had = this.special.get(cell) ?? { nan: 0, positive: 0, negative: 0 };
    const now = { nan: had.nan + nan, positive: had.positive + positive, negative: had.negative + negative };
    if (now.nan === 0 && now.positive === 0 && now.negative === 0) this.special.delete(cell);
    else this.special.set(cell, now);
  }

  /** with room for the cell */
  private largeSums(cell: number): ExactSums {
    this.large ??= new ExactSums();
    const { slab } = this.large;
    if ((cell + 1) * slab.stride > slab.data.length) slab.reserve(2 * cell + 2);
    return this.large;
  }

  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }

  private spill(cell: number, x: number): void {
    const parts = this.parts(cell);
    grow(parts, x);
    const at = this.at(cell);
    this.slab.data[at] = parts.pop() ?? 0;
    this.slab.data[at + 1] = parts.pop() ?? 0;
    this.slab.data[at + 2] = parts.pop() ?? 0;
    if (parts.length > 0) this.rest.set(cell, parts);
    else this.rest.delete(cell);
  }
}

/** Adds x to an expansion of non-overlapping doubles in ascending order, exactly; leaves no zeros (Shewchuk's grow-expansion). */
function grow(parts: number[], x: number): void {
  let n = 0;
  let sum = x;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const s = sum + part;
    const b = s - sum;
    const e = sum - (s - b) + (part - b);
    if (e !== 0) parts[n++] = e;
    sum = s;
  }
  parts.length = n;
  if (sum !== 0) parts.push(sum);
}

/** The nearest double to an expansion, ties to even: as Python's `math.fsum` ends. */
function rounded(parts: readonly number[]): number {
  let i = parts.length - 1;
  if (i < 0) return 0;
  let high = parts[i];
  let low = 0;
  while (i > 0) {
    const x = high;
    const y = parts[--i];
    high = x + y;
    low = y - (high - x);
    if (low !== 0) break;
  }
  if (i > 0 && low < 0 === parts[i - 1] < 0 && low !== 0) {
    const twice = low * 2;
    const x = high + twice;
    if (twice === x - high) return x;
  }
  return high;
}

/** x · y as the rounded product and its exact error (Dekker and Veltkamp); neither may be beyond 2^995. */
export function addProduct(sums: ExactSums, cell: number, x: number, y: number): void {
  const p = x * y;
  const cx = 134217729 * x;
  const xh = cx - (cx - x);
  const xl = x - xh;
  const cy = 134217729 * y;
  const yh = cy - (cy - y);
  const yl = y - yh;
  sums.add(cell, p);
  sums.add(cell, xl * yl - (p - xh * yh - xl * yh - xh * yl));
}
