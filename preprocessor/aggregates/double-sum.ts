import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { ExactSums, grown } from './exact-sum.ts';

/** sum and avg of FLOAT and DOUBLE. */
export class DoubleSum implements InvertibleAggregate {
  readonly kind = 'invertible';
  private n = new Float64Array(0);
  private readonly sums = new ExactSums();
  private readonly form: 'sum' | 'avg';

  constructor(form: 'sum' | 'avg') {
    this.form = form;
  }
  reserve(cells: number): void {
    if (cells <= this.n.length) return;
    this.n = grown(this.n, cells);
    this.sums.reserve(cells);
  }
  clear(cell: number): void {
    this.n[cell] = 0;
    this.sums.clear(cell);
  }
  add(cell: number, value: Value): void {
    if (value === null) return;
    this.n[cell]++;
    this.sums.add(cell, value as number);
  }
  remove(cell: number, value: Value): void {
    if (value === null) return;
    this.n[cell]--;
    this.sums.remove(cell, value as number);
  }
  merge(into: number, from: number): void {
    this.n[into] += this.n[from];
    this.sums.merge(into, from);
  }
  unmerge(into: number, from: number): void {
    this.n[into] -= this.n[from];
    this.sums.unmerge(into, from);
  }
  result(cell: number): Value {
    const n = this.n[cell];
    if (n === 0) return null;
    return this.form === 'sum' ? this.sums.value(cell) : this.sums.quotient(cell, n);
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.n[cell]);
    this.sums.save(cell, writer);
  }
  load(cell: number, reader: ByteReader): void {
    this.n[cell] = reader.varint();
    this.sums.load(cell, reader);
  }
}
