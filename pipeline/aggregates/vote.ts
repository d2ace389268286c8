import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

/** bool_and and bool_or: NULLs do not vote, and without a vote the answer is NULL. A cell is [yes, no]. */
export class Vote implements InvertibleAggregate {
  readonly kind = 'invertible';
  readonly width = 2;
  private slab = new Slab(2);
  private offset = 0;
  private readonly fn: 'bool_and' | 'bool_or';

  constructor(fn: 'bool_and' | 'bool_or') {
    this.fn = fn;
  }
  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
  }
  clear(cell: number): void {
    const at = this.at(cell);
    this.slab.data[at] = 0;
    this.slab.data[at + 1] = 0;
  }
  add(cell: number, value: Value): void {
    this.count(cell, value, 1);
  }
  remove(cell: number, value: Value): void {
    this.count(cell, value, -1);
  }
  merge(into: number, from: number): void {
    this.combine(into, from, 1);
  }
  unmerge(into: number, from: number): void {
    this.combine(into, from, -1);
  }
  result(cell: number): Value {
    const at = this.at(cell);
    const yes = this.slab.data[at];
    const no = this.slab.data[at + 1];
    if (yes + no === 0) return null;
    return this.fn === 'bool_or' ? yes > 0 : no === 0;
  }
  save(cell: number, writer: ByteWriter): void {
    const at = this.at(cell);
    writer.varint(this.slab.data[at]);
    writer.varint(this.slab.data[at + 1]);
  }
  load(cell: number, reader: ByteReader): void {
    const at = this.at(cell);
    this.slab.data[at] = reader.varint();
    this.slab.data[at + 1] = reader.varint();
  }
  private count(cell: number, value: Value, n: number): void {
    if (value !== null) this.slab.data[this.at(cell) + (value === true ? 0 : 1)] += n;
  }
  private combine(into: number, from: number, sign: 1 | -1): void {
    const { data } = this.slab;
    const to = this.at(into);
    const at = this.at(from);
    data[to] += sign * data[at];
    data[to + 1] += sign * data[at + 1];
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
