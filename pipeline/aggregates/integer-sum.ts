import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { exact } from '@millrace/shared-schemas/codec/exact.ts';
import { FlawError, type Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

const HUGEINT_MAX = 2n ** 127n - 1n;
const HUGEINT_MIN = -(2n ** 127n);

/**
 * sum and avg of integers and of decimals (unscaled): a number while that is exact, with a bigint beside it when not. A cell is [n, sum].
 * sum gives the exact integer form, avg a double, or for TIMESTAMP whole microseconds.
 */
export class IntegerSum implements InvertibleAggregate {
  readonly kind = 'invertible';
  readonly width = 2;
  private slab = new Slab(2);
  private offset = 0;
  private readonly big = new Map<number, bigint>();
  private readonly form: 'sum' | 'avg' | 'avg_integer';
  /** 10^scale of the argument */
  private readonly unit: number;

  constructor(form: 'sum' | 'avg' | 'avg_integer', scale: number) {
    this.form = form;
    this.unit = 10 ** scale;
  }
  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
  }
  clear(cell: number): void {
    const at = this.at(cell);
    this.slab.data[at] = 0;
    this.slab.data[at + 1] = 0;
    if (this.big.size > 0) this.big.delete(cell);
  }
  add(cell: number, value: Value): void {
    if (value === null) return;
    this.slab.data[this.at(cell)]++;
    this.plus(cell, integer(value));
  }
  remove(cell: number, value: Value): void {
    if (value === null) return;
    this.slab.data[this.at(cell)]--;
    this.plus(cell, -integer(value));
  }
  merge(into: number, from: number): void {
    const at = this.at(from);
    this.slab.data[this.at(into)] += this.slab.data[at];
    this.plus(into, this.slab.data[at + 1]);
    const big = this.big.size > 0 ? this.big.get(from) : undefined;
    if (big !== undefined) this.plus(into, big);
  }
  unmerge(into: number, from: number): void {
    const at = this.at(from);
    this.slab.data[this.at(into)] -= this.slab.data[at];
    this.plus(into, -this.slab.data[at + 1]);
    const big = this.big.size > 0 ? this.big.get(from) : undefined;
    if (big !== undefined) this.plus(into, -big);
  }
  result(cell: number): Value {
    const n = this.slab.data[this.at(cell)];
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
    writer.varint(this.slab.data[this.at(cell)]);
    writer.integer(this.total(cell));
  }
  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    this.slab.data[this.at(cell)] = reader.varint();
    this.plus(cell, reader.integer());
  }

  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
  private total(cell: number): number | bigint {
    const small = this.slab.data[this.at(cell) + 1];
    const big = this.big.size > 0 ? this.big.get(cell) : undefined;
    return big === undefined ? small : exact(big + BigInt(small));
  }
  private plus(cell: number, value: number | bigint): void {
    if (typeof value === 'number') {
      const at = this.at(cell) + 1;
      const sum = this.slab.data[at] + value;
      // + 0 makes −0 a 0
      if (Number.isSafeInteger(sum)) this.slab.data[at] = sum + 0;
      else this.plus(cell, BigInt(value));
    } else {
      const big = (this.big.get(cell) ?? 0n) + value;
      if (big === 0n) this.big.delete(cell);
      else this.big.set(cell, big);
    }
  }
}

function integer(value: Value): number | bigint {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as number | bigint;
}
