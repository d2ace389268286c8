/**
 * The types a value can have and how each is held in memory. One representation from decode to encode, so no step converts.
 *
 * | SQL | in a row slot |
 * |---|---|
 * | BOOLEAN | boolean |
 * | TINYINT … HUGEINT | the *exact integer* form: a number when `Number.isSafeInteger`, else a bigint; never −0 |
 * | DECIMAL(w, s) | its unscaled integer (value · 10^s) in the exact integer form |
 * | FLOAT | a number already rounded by `Math.fround` |
 * | DOUBLE | a number |
 * | VARCHAR | a string |
 * | BLOB | a Uint8Array that nobody overwrites |
 * | DATE | days since 1970-01-01, a number |
 * | TIMESTAMP | microseconds since the epoch, UTC, in the exact integer form |
 * | LIST | an array |
 * | STRUCT | an object with the fields as own properties |
 * | MAP | a Map with string keys |
 *
 * SQL NULL is `null` everywhere; `undefined` is never a value.
 */
export type SqlKind = 'BOOLEAN' | 'TINYINT' | 'SMALLINT' | 'INTEGER' | 'BIGINT' | 'HUGEINT' | 'FLOAT' | 'DOUBLE' | 'VARCHAR' | 'BLOB' | 'DATE' | 'TIMESTAMP';

export type SqlType =
  | { readonly kind: SqlKind }
  | { readonly kind: 'DECIMAL'; readonly width: number; readonly scale: number }
  | { readonly kind: 'LIST'; readonly of: SqlType }
  | { readonly kind: 'STRUCT'; readonly fields: readonly { readonly name: string; readonly type: SqlType }[] }
  | { readonly kind: 'MAP'; readonly of: SqlType };

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [field: string]: Value }
  | ReadonlyMap<string, Value>;

/** A field of a stream as a user sees it, and the slot of the row that holds it. Slots are valid Avro names, unique within a shape. */
export interface Column {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly slot: string;
}

/**
 * One record in flight: an object of fixed shape with a property per slot, all declared up front, written in place by
 * every step and overwritten by the next record. Whoever keeps anything past the call copies it out.
 */
export type Row = { [slot: string]: Value };

/** Why a record or a value cannot be used; becomes `error.code` and `error.message` of a dead letter. */
export interface Flaw {
  readonly code: string;
  readonly message: string;
}

/** Fills the row's slots from one encoded record; gives the flaw, and a row in no defined state, when it cannot. Never throws on bad input. */
export type RowDecoder = (row: Row, buffer: Buffer, start: number, end: number) => Flaw | undefined;

/**
 * Writes the row at `pos` and gives the position behind it, or −1 when it does not fit (the caller grows the buffer and
 * calls again). Throws `FlawError` for a value the format cannot hold (`value_out_of_range`).
 */
export type RowEncoder = (row: Row, buffer: Buffer, pos: number) => number;

export class FlawError extends Error implements Flaw {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
