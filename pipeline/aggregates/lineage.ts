import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { OrderedAggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

/**
 * The source record that a window's row is said to come from: of all that entered, the one with the highest offset, then partition. So it does not matter
 * in which order several writers were heard. Kept like an aggregate, and slides with them. A cell is [1 once something entered, origin, offset].
 */
export class Lineage implements OrderedAggregate {
  readonly kind = 'ordered';
  readonly width = 3;
  private slab = new Slab(3);
  private offset = 0;

  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
  }
  clear(cell: number): void {
    this.set(cell, 0, 0, 0);
  }
  add(cell: number, origin: Value, offset: Value): void {
    const at = this.at(cell);
    const { data } = this.slab;
    const last = data[at + 2];
    if (data[at] === 0 || (offset as number) > last || (offset === last && (origin as number) > data[at + 1]))
      this.set(cell, 1, origin as number, offset as number);
  }
  originOf(cell: number): number {
    return this.slab.data[this.at(cell) + 1];
  }
  offsetOf(cell: number): number {
    return this.slab.data[this.at(cell) + 2];
  }
  merge(into: number, from: number): void {
    if (!this.isEmpty(from)) this.add(into, this.originOf(from), this.offsetOf(from));
  }
  result(cell: number): Value {
    return this.offsetOf(cell);
  }
  isEmpty(cell: number): boolean {
    return this.slab.data[this.at(cell)] === 0;
  }
  beats(newer: number, older: number): boolean {
    const offset = this.offsetOf(newer);
    const before = this.offsetOf(older);
    return offset > before || (offset === before && this.originOf(newer) >= this.originOf(older));
  }
  counts(): boolean {
    return true;
  }
  rowBeats(): boolean {
    return true;
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.isEmpty(cell) ? 0 : 1);
    writer.varint(this.originOf(cell));
    writer.varint(this.offsetOf(cell));
  }
  load(cell: number, reader: ByteReader): void {
    this.set(cell, reader.varint(), reader.varint(), reader.varint());
  }
  private set(cell: number, entered: number, origin: number, offset: number): void {
    const { data } = this.slab;
    const at = this.at(cell);
    data[at] = entered;
    data[at + 1] = origin;
    data[at + 2] = offset;
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
