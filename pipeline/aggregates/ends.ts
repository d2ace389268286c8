import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { OrderedAggregate } from './aggregate.ts';
import { Slab } from './slab.ts';

/** first and last by event time, ties by arrival. A NULL is a value here, as it is in DuckDB. A cell is [time]. */
export class End implements OrderedAggregate {
  readonly kind = 'ordered';
  readonly width = 1;
  private slab = new Slab(1);
  private offset = 0;
  private readonly values: (Value | undefined)[] = [];
  private readonly last: boolean;
  private readonly type: SqlType;

  constructor(fn: 'first' | 'last', type: SqlType) {
    this.type = type;
    this.last = fn === 'last';
  }
  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
  }
  clear(cell: number): void {
    this.values[cell] = undefined;
    this.slab.data[this.at(cell)] = 0;
  }
  add(cell: number, value: Value, by: Value, time: number): void {
    if (by === null) return;
    if (this.values[cell] !== undefined && (this.last ? time < this.slab.data[this.at(cell)] : time >= this.slab.data[this.at(cell)])) return;
    this.values[cell] = value;
    this.slab.data[this.at(cell)] = time;
  }
  merge(into: number, from: number): void {
    const value = this.values[from];
    if (value !== undefined) this.add(into, value, true, this.slab.data[this.at(from)]);
  }
  result(cell: number): Value {
    return this.values[cell] ?? null;
  }
  isEmpty(cell: number): boolean {
    return this.values[cell] === undefined;
  }
  beats(): boolean {
    return this.last;
  }
  counts(_value: Value, by: Value): boolean {
    return by !== null;
  }
  rowBeats(): boolean {
    return this.last;
  }
  save(cell: number, writer: ByteWriter): void {
    const value = this.values[cell];
    writer.varint(value === undefined ? 0 : 1);
    if (value === undefined) return;
    writer.f64(this.slab.data[this.at(cell)]);
    writer.value(this.type, value);
  }
  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    if (reader.varint() === 0) return;
    this.slab.data[this.at(cell)] = reader.f64();
    this.values[cell] = reader.value(this.type);
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
