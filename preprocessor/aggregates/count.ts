import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';
import { grown } from './exact-sum.ts';

/** count(*) and count(x): rows whose argument is not NULL. */
export class Count implements InvertibleAggregate {
  readonly kind = 'invertible';
  private n = new Float64Array(0);

  reserve(cells: number): void {
    if (cells > this.n.length) this.n = grown(this.n, cells);
  }
  clear(cell: number): void {
    this.n[cell] = 0;
  }
  add(cell: number, value: Value): void {
    if (value !== null) this.n[cell]++;
  }
  remove(cell: number, value: Value): void {
    if (value !== null) this.n[cell]--;
  }
  merge(into: number, from: number): void {
    this.n[into] += this.n[from];
  }
  unmerge(into: number, from: number): void {
    this.n[into] -= this.n[from];
  }
  result(cell: number): Value {
    return this.n[cell];
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.n[cell]);
  }
  load(cell: number, reader: ByteReader): void {
    this.n[cell] = reader.varint();
  }
}

/** bool_and and bool_or: NULLs do not vote, and without a vote the answer is NULL. */
export class Vote implements InvertibleAggregate {
  readonly kind = 'invertible';
  private yes = new Float64Array(0);
  private no = new Float64Array(0);
  private readonly fn: 'bool_and' | 'bool_or';

  constructor(fn: 'bool_and' | 'bool_or') {
    this.fn = fn;
  }
  reserve(cells: number): void {
    if (cells <= this.yes.length) return;
    this.yes = grown(this.yes, cells);
    this.no = grown(this.no, cells);
  }
  clear(cell: number): void {
    this.yes[cell] = 0;
    this.no[cell] = 0;
  }
  add(cell: number, value: Value): void {
    if (value === true) this.yes[cell]++;
    else if (value === false) this.no[cell]++;
  }
  remove(cell: number, value: Value): void {
    if (value === true) this.yes[cell]--;
    else if (value === false) this.no[cell]--;
  }
  merge(into: number, from: number): void {
    this.yes[into] += this.yes[from];
    this.no[into] += this.no[from];
  }
  unmerge(into: number, from: number): void {
    this.yes[into] -= this.yes[from];
    this.no[into] -= this.no[from];
  }
  result(cell: number): Value {
    if (this.yes[cell] + this.no[cell] === 0) return null;
    return this.fn === 'bool_or' ? this.yes[cell] > 0 : this.no[cell] === 0;
  }
  save(cell: number, writer: ByteWriter): void {
    writer.varint(this.yes[cell]);
    writer.varint(this.no[cell]);
  }
  load(cell: number, reader: ByteReader): void {
    this.yes[cell] = reader.varint();
    this.no[cell] = reader.varint();
  }
}
