import type { Value } from './types.ts';

/**
 * A string on its way from a JSON record to an Avro one that nothing looks at: plain ASCII, as it stands in the record. It may stand in a row's slot in the stead of a
 * string, one object for all records, and is good only until the next record is decoded: no row that is kept may hold one.
 */
export class TextSpan {
  buffer: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;

  /** for dead letters, which tell of rows as JSON */
  toJSON(): string {
    return Buffer.from(this.buffer.subarray(this.start, this.end)).latin1Slice(0, this.end - this.start);
  }

  /** as what a slot holds */
  get value(): Value {
    return this as unknown as Value;
  }
}
