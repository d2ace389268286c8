import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { OrderedAggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

/**
 * The record that entered last, by arrival: where a window's row comes from. Kept like an aggregate, so it slides with them.
 * A cell is [number of arrival, origin, offset]; arrivals count from 1, 0 is an empty cell. */
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
  add(cell: number, origin: Value, offset: Value, arrival: number): void {
    if (arrival > this.arrivalOf(cell)) this.set(cell, arrival, origin as number, offset as number);
  }
  arrivalOf(cell: number): number {
    return this.slab.data[this.at(cell)];
  }
  originOf(cell: number): number {
    return this.slab.data[this.at(cell) + 1];
  }
  offsetOf(cell: number): number {
    return this.slab.data[this.at(cell) + 2];
  }
  merge(into: number, from: number): void {
    this.add(into, this.originOf(from), this.offsetOf(from), this.arrivalOf(from));
  }
  result(cell: number): Value {
    return this.arrivalOf(cell);
  }
  isEmpty(cell: number): boolean {
    return this.arrivalOf(cell) === 0;
  }
  beats(newer: number, older: number): boolean {
    return this.arrivalOf(newer) > this.arrivalOf(older);
  }
  counts(): boolean {
    return true;
  }
  rowBeats(): boolean {
    return true;
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.arrivalOf(cell));
    writer.varint(this.originOf(cell));
    writer.varint(this.offsetOf(cell));
  }
  load(cell: number, reader: ByteReader): void {
    this.set(cell, reader.varint(), reader.varint(), reader.varint());
  }
  private set(cell: number, arrival: number, origin: number, offset: number): void {
    const { data } = this.slab;
    const at = this.at(cell);
    data[at] = arrival;
    data[at + 1] = origin;
    data[at + 2] = offset;
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
