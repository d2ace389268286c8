import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

/** count(*) and count(x): rows whose argument is not NULL. */
export class Count implements InvertibleAggregate {
  readonly kind = 'invertible';
  readonly width = 1;
  private slab = new Slab(1);
  private offset = 0;

  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
  }
  clear(cell: number): void {
    this.slab.data[this.at(cell)] = 0;
  }
  add(cell: number, value: Value): void {
    if (value !== null) this.slab.data[this.at(cell)]++;
  }
  remove(cell: number, value: Value): void {
    if (value !== null) this.slab.data[this.at(cell)]--;
  }
  merge(into: number, from: number): void {
    this.slab.data[this.at(into)] += this.slab.data[this.at(from)];
  }
  unmerge(into: number, from: number): void {
    this.slab.data[this.at(into)] -= this.slab.data[this.at(from)];
  }
  result(cell: number): Value {
    return this.slab.data[this.at(cell)];
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.slab.data[this.at(cell)]);
  }
  load(cell: number, reader: ByteReader): void {
    this.slab.data[this.at(cell)] = reader.varint();
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
