import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { OrderedAggregate } from './aggregate.ts';
import { comparator } from './compare.ts';
import { Slab } from './slab.ts';

/**
 * min, max, arg_min, arg_max. Rows with a NULL do not count; of equals the earliest by event time, then arrival, is it. NaN is the
 * greatest. min and max decide by the argument itself, the others by the second. A cell is [time].
 */
export class Extreme implements OrderedAggregate {
  readonly kind = 'ordered';
  readonly width = 1;
  private slab = new Slab(1);
  private offset = 0;
  private readonly values: (Value | undefined)[] = [];
  private readonly deciders: (Value | undefined)[] = [];
  private readonly types: readonly SqlType[];
  private readonly compare: (a: Value, b: Value) => number;
  /** 1 for the least, −1 for the greatest */
  private readonly sign: 1 | -1;
  private readonly bySecond: boolean;

  /** `types`: of the arguments, one or two */
  constructor(fn: 'min' | 'max' | 'arg_min' | 'arg_max', types: readonly SqlType[]) {
    this.types = types;
    this.compare = comparator(types[types.length - 1]);
    this.sign = fn === 'min' || fn === 'arg_min' ? 1 : -1;
    this.bySecond = fn === 'arg_min' || fn === 'arg_max';
  }
  attach(slab: Slab, offset: number): void {
    this.slab = slab;
    this.offset = offset;
  }
  clear(cell: number): void {
    this.values[cell] = undefined;
    this.deciders[cell] = undefined;
  }
  add(cell: number, value: Value, by: Value, time: number): void {
    if (!this.counts(value, by)) return;
    const decider = this.bySecond ? by : value;
    const held = this.deciders[cell];
    if (held !== undefined) {
      const order = this.sign * this.compare(decider, held);
      if (order > 0 || (order === 0 && time >= this.slab.data[this.at(cell)])) return;
    }
    this.values[cell] = value;
    this.deciders[cell] = decider;
    this.slab.data[this.at(cell)] = time;
  }
  merge(into: number, from: number): void {
    const value = this.values[from];
    if (value !== undefined) this.add(into, value, this.deciders[from] as Value, this.slab.data[this.at(from)]);
  }
  result(cell: number): Value {
    return this.values[cell] ?? null;
  }
  isEmpty(cell: number): boolean {
    return this.values[cell] === undefined;
  }
  beats(newer: number, older: number): boolean {
    return this.sign * this.compare(this.deciders[newer] as Value, this.deciders[older] as Value) < 0;
  }
  counts(value: Value, by: Value): boolean {
    return value !== null && by !== null;
  }
  rowBeats(value: Value, by: Value, olderValue: Value, olderBy: Value): boolean {
    return this.sign * (this.bySecond ? this.compare(by, olderBy) : this.compare(value, olderValue)) < 0;
  }
  save(cell: number, writer: ByteWriter): void {
    const value = this.values[cell];
    writer.varint(value === undefined ? 0 : 1);
    if (value === undefined) return;
    writer.f64(this.slab.data[this.at(cell)]);
    writer.value(this.types[0], value);
    if (this.bySecond) writer.value(this.types[1], this.deciders[cell] as Value);
  }
  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    if (reader.varint() === 0) return;
    this.slab.data[this.at(cell)] = reader.f64();
    const value = reader.value(this.types[0]);
    this.values[cell] = value;
    this.deciders[cell] = this.bySecond ? reader.value(this.types[1]) : value;
  }
  private at(cell: number): number {
    return cell * this.slab.stride + this.offset;
  }
}
