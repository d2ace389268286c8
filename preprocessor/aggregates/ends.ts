import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { OrderedAggregate } from './aggregate.ts';
import { grown } from './exact-sum.ts';

/** first and last by event time, ties by arrival. A NULL is a value here, as it is in DuckDB. */
export class End implements OrderedAggregate {
  readonly kind = 'ordered';
  private values: (Value | undefined)[] = [];
  private times = new Float64Array(0);
  private readonly last: boolean;
  private readonly type: SqlType;

  constructor(fn: 'first' | 'last', type: SqlType) {
    this.type = type;
    this.last = fn === 'last';
  }
  reserve(cells: number): void {
    if (cells > this.times.length) this.times = grown(this.times, cells);
    while (this.values.length < cells) this.values.push(undefined);
  }
  clear(cell: number): void {
    this.values[cell] = undefined;
    this.times[cell] = 0;
  }
  add(cell: number, value: Value, by: Value, time: number): void {
    if (by === null) return;
    if (this.values[cell] !== undefined && (this.last ? time < this.times[cell] : time >= this.times[cell])) return;
    this.values[cell] = value;
    this.times[cell] = time;
  }
  merge(into: number, from: number): void {
    const value = this.values[from];
    if (value !== undefined) this.add(into, value, true, this.times[from]);
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
    writer.f64(this.times[cell]);
    writer.value(this.type, value);
  }
  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    if (reader.varint() === 0) return;
    this.times[cell] = reader.f64();
    this.values[cell] = reader.value(this.type);
  }
}
