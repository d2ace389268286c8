import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { ExactSums, SUM_WIDTH } from './exact-sum.ts';
import { Slab } from './slab.ts';

/** sum and avg of FLOAT and DOUBLE. A cell is [n, sum]. */
export class DoubleSum implements InvertibleAggregate {
  readonly kind = 'invertible';
  readonly width = 1 + SUM_WIDTH;
  private slab = new Slab(1 + SUM_WIDTH);
  private offset = 0;
  private sums = new ExactSums(this.slab, 1);
  private readonly form: 'sum' | 'avg';

  constructor(form: 'sum' | 'avg') {
    this.form = form;
  }
  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
    this.sums = new ExactSums(slab, offset + 1);
  }
  clear(cell: number): void {
    this.slab.data[this.at(cell)] = 0;
    this.sums.clear(cell);
  }
  add(cell: number, value: Value): void {
    if (value === null) return;
    this.slab.data[this.at(cell)]++;
    this.sums.add(cell, value as number);
  }
  remove(cell: number, value: Value): void {
    if (value === null) return;
    this.slab.data[this.at(cell)]--;
    this.sums.remove(cell, value as number);
  }
  merge(into: number, from: number): void {
    this.slab.data[this.at(into)] += this.slab.data[this.at(from)];
    this.sums.merge(into, from);
  }
  unmerge(into: number, from: number): void {
    this.slab.data[this.at(into)] -= this.slab.data[this.at(from)];
    this.sums.unmerge(into, from);
  }
  result(cell: number): Value {
    const n = this.slab.data[this.at(cell)];
    if (n === 0) return null;
    return this.form === 'sum' ? this.sums.value(cell) : this.sums.quotient(cell, n);
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.slab.data[this.at(cell)]);
    this.sums.save(cell, writer);
  }
  load(cell: number, reader: ByteReader): void {
    this.slab.data[this.at(cell)] = reader.varint();
    this.sums.load(cell, reader);
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
