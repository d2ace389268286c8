import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { exact } from '@millrace/shared-schemas/codec/exact.ts';
import { FlawError, type Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { grown } from './exact-sum.ts';

const HUGEINT_MAX = 2n ** 127n - 1n;
const HUGEINT_MIN = -(2n ** 127n);

/**
 * sum and avg of integers and of decimals (unscaled): a number while that is exact, with a bigint beside it when not.
 * sum gives the exact integer form, avg a double, or for TIMESTAMP whole microseconds.
 */
export class IntegerSum implements InvertibleAggregate {
  readonly kind = 'invertible';
  private n = new Float64Array(0);
  private small = new Float64Array(0);
  private readonly big = new Map<number, bigint>();
  private readonly form: 'sum' | 'avg' | 'avg_integer';
  /** 10^scale of the argument */
  private readonly unit: number;

  constructor(form: 'sum' | 'avg' | 'avg_integer', scale: number) {
    this.form = form;
    this.unit = 10 ** scale;
  }
  reserve(cells: number): void {
    if (cells <= this.n.length) return;
    this.n = grown(this.n, cells);
    this.small = grown(this.small, cells);
  }
  clear(cell: number): void {
    this.n[cell] = 0;
    this.small[cell] = 0;
    if (this.big.size > 0) this.big.delete(cell);
  }
  add(cell: number, value: Value): void {
    if (value === null) return;
    this.n[cell]++;
    this.plus(cell, value as number | bigint | boolean);
  }
  remove(cell: number, value: Value): void {
    if (value === null) return;
    this.n[cell]--;
    if (typeof value === 'boolean') this.plus(cell, value ? -1 : 0);
    else this.plus(cell, -(value as number | bigint));
  }
  merge(into: number, from: number): void {
    this.n[into] += this.n[from];
    this.plus(into, this.small[from]);
    const big = this.big.size > 0 ? this.big.get(from) : undefined;
    if (big !== undefined) this.plus(into, big);
  }
  unmerge(into: number, from: number): void {
    this.n[into] -= this.n[from];
    this.plus(into, -this.small[from]);
    const big = this.big.size > 0 ? this.big.get(from) : undefined;
    if (big !== undefined) this.plus(into, -big);
  }
  result(cell: number): Value {
    const n = this.n[cell];
    if (n === 0) return null;
    const total = this.total(cell);
    if (typeof total === 'bigint' && (total > HUGEINT_MAX || total < HUGEINT_MIN)) {
      throw new FlawError('expression_failed', `${this.form === 'sum' ? 'sum' : 'avg'}: the sum is out of the range of HUGEINT`);
    }
    if (this.form === 'sum') return total;
    if (this.form === 'avg_integer') return exact(BigInt(total) / BigInt(n));
    return Number(total) / (n * this.unit);
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.n[cell]);
    writer.integer(this.total(cell));
  }
  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    this.n[cell] = reader.varint();
    this.plus(cell, reader.integer());
  }

  private total(cell: number): number | bigint {
    const big = this.big.size > 0 ? this.big.get(cell) : undefined;
    return big === undefined ? this.small[cell] : exact(big + BigInt(this.small[cell]));
  }
  private plus(cell: number, value: number | bigint | boolean): void {
    if (typeof value === 'number') {
      const sum = this.small[cell] + value;
      // + 0 makes −0 a 0
      if (Number.isSafeInteger(sum)) this.small[cell] = sum + 0;
      else this.plus(cell, BigInt(value));
    } else if (typeof value === 'boolean') {
      if (value) this.plus(cell, 1);
    } else {
      const big = (this.big.get(cell) ?? 0n) + value;
      if (big === 0n) this.big.delete(cell);
      else this.big.set(cell, big);
    }
  }
}
