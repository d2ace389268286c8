import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { OrderedAggregate } from '../aggregates/aggregate.ts';
import { grown } from '../aggregates/exact-sum.ts';

/** The record that entered last, by arrival: where a window's row comes from. Kept like an aggregate, so it slides with them. */
export class Lineage implements OrderedAggregate {
  readonly kind = 'ordered';
  /** the record's number of arrival, from 1; 0 in an empty cell */
  private arrivals = new Float64Array(0);
  origins = new Float64Array(0);
  offsets = new Float64Array(0);

  reserve(cells: number): void {
    if (cells <= this.arrivals.length) return;
    this.arrivals = grown(this.arrivals, cells);
    this.origins = grown(this.origins, cells);
    this.offsets = grown(this.offsets, cells);
  }
  clear(cell: number): void {
    this.arrivals[cell] = 0;
    this.origins[cell] = 0;
    this.offsets[cell] = 0;
  }
  add(cell: number, origin: Value, offset: Value, arrival: number): void {
    if (arrival <= this.arrivals[cell]) return;
    this.arrivals[cell] = arrival;
    this.origins[cell] = origin as number;
    this.offsets[cell] = offset as number;
  }
  merge(into: number, from: number): void {
    this.add(into, this.origins[from], this.offsets[from], this.arrivals[from]);
  }
  result(cell: number): Value {
    return this.arrivals[cell];
  }
  isEmpty(cell: number): boolean {
    return this.arrivals[cell] === 0;
  }
  beats(newer: number, older: number): boolean {
    return this.arrivals[newer] > this.arrivals[older];
  }
  counts(): boolean {
    return true;
  }
  rowBeats(): boolean {
    return true;
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.arrivals[cell]);
    writer.varint(this.origins[cell]);
    writer.varint(this.offsets[cell]);
  }
  load(cell: number, reader: ByteReader): void {
    this.arrivals[cell] = reader.varint();
    this.origins[cell] = reader.varint();
    this.offsets[cell] = reader.varint();
  }
}
