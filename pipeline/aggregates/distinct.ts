import type { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import type { InvertibleAggregate } from './aggregate.ts';

type Member = number | bigint | string | boolean;

/** count(DISTINCT x): how often each value is there, so that values can leave again. NaN equals NaN, and 0 equals −0. */
export class CountDistinct implements InvertibleAggregate {
  readonly kind = 'invertible';
  readonly width = 0;
  private readonly members: (Map<Member, number> | undefined)[] = [];
  /** of the members as they are held */
  private readonly type: SqlType;

  constructor(type: SqlType) {
    const nested = type.kind === 'BLOB' || type.kind === 'LIST' || type.kind === 'STRUCT' || type.kind === 'MAP';
    this.type = nested ? { kind: 'VARCHAR' } : type;
  }

  attach(): void {}
  clear(cell: number): void {
    this.members[cell] = undefined;
  }
  add(cell: number, value: Value): void {
    if (value !== null) this.change(cell, member(value), 1);
  }
  remove(cell: number, value: Value): void {
    if (value !== null) this.change(cell, member(value), -1);
  }
  merge(into: number, from: number): void {
    for (const [value, times] of this.members[from] ?? []) this.change(into, value, times);
  }
  unmerge(into: number, from: number): void {
    for (const [value, times] of this.members[from] ?? []) this.change(into, value, -times);
  }
  result(cell: number): Value {
    return this.members[cell]?.size ?? 0;
  }
  save(cell: number, writer: ByteWriter): void {
    const members = this.members[cell];
    writer.varint(members?.size ?? 0);
    for (const [value, times] of members ?? []) {
      writer.value(this.type, value);
      writer.varint(times);
    }
  }
  load(cell: number, reader: ByteReader): void {
    this.clear(cell);
    for (let n = reader.varint(); n > 0; n--) {
      const value = reader.value(this.type) as Member;
      this.change(cell, value, reader.varint());
    }
  }

  private change(cell: number, value: Member, times: number): void {
    let members = this.members[cell];
    if (members === undefined) {
      members = new Map();
      this.members[cell] = members;
    }
    const now = (members.get(value) ?? 0) + times;
    if (now === 0) members.delete(value);
    else members.set(value, now);
  }
}

function member(value: Value): Member {
  return typeof value === 'object' ? valueText(value) : (value as Member);
}

/** A text that equal values of one type share. */
function valueText(value: Value): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return String(value + 0);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return `[${value.map(valueText).join()}]`;
  const entries = value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : Object.entries(value);
  return `{${entries.map(([name, element]) => `${JSON.stringify(name)}:${valueText(element)}`).join()}}`;
}
