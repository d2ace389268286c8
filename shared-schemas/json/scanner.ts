import type { TextSpan } from '../text-span.ts';
import type { Row, Value } from '../types.ts';
import { type FormReader, formReader, type Member, PLAIN, POWERS } from './form-reader.ts';
import type { KnownTexts } from './known-texts.ts';
import type { Convert } from './parse.ts';
import { valueEnd } from './value-end.ts';

/** What the scanner reads itself; every other kind of value goes to JSON.parse, a value at a time. */
export type ScanKind = 'boolean' | 'int' | 'long' | 'millis' | 'double' | 'string' | 'other';

export interface ScanField {
  readonly name: string;
  readonly kind: ScanKind;
  readonly nullable: boolean;
  /** null: the value is checked and dropped */
  readonly slot: string | null;
  /** the slot's setter */
  readonly set: ((row: Row, value: Value) => void) | null;
  /** what the parsing path makes of the value; undefined stands for an absent field. Throws when it is bad */
  readonly convert: Convert;
  /** of strings: what stands in the row for one that is plain ASCII; null: the string itself */
  readonly span?: TextSpan | null;
  /** of strings that come again; null: each is made anew */
  readonly known?: KnownTexts | null;
}

/** One property the scanner knows: a field of the schema, or one it has met and ignores. */
interface Entry {
  /** the name with its quotes */
  readonly key: Uint8Array;
  readonly field: ScanField | null;
  readonly kind: ScanKind | 'skip';
  readonly slot: string | null;
  readonly span: TextSpan | null;
  readonly known: KnownTexts | null;
  /** the record it was last seen in */
  seen: number;
  /** the entry that followed it last time */
  next: Entry | null;
}

const QUOTE = 0x22;
const MOST_IGNORED = 256;
/** records that are walked through before a form is learned; eight times as many before the next */
const PATIENCE = 32;
/** V8's SlicedString::kMinLength */
const SLICED = 13;

/**
 * Reads a JSON object from its bytes straight into a row. It knows what is right but judges nothing wrong: `scan` is false for
 * whatever it does not take, and then the parsing path decides. On true the row is what that path would have made, which a
 * property test holds it to. Fast when records have the form of one that was learned from: see {@link formReader}.
 */
export class Scanner {
  readonly #fields: readonly Entry[];
  readonly #entries: Entry[];
  readonly #first: Entry = { key: new Uint8Array(0), field: null, kind: 'skip', slot: null, span: null, known: null, seen: 0, next: null };
  #record = 0;
  /** reads records of the form learned last */
  #form: FormReader | null = null;
  #formless = 0;
  #patience = PATIENCE;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** the record as text, byte for byte, made when the first string is cut from it */
  #text = '';
  /** what the last number read came to, and whether it is an integer of fewer than 2^53 */
  #number = 0;
  #whole = false;

  constructor(fields: readonly ScanField[]) {
    this.#fields = fields.map((field) => ({
      key: Buffer.from(`"${field.name}"`),
      field,
      kind: field.kind,
      slot: field.slot,
      span: field.span ?? null,
      known: field.known ?? null,
      seen: 0,
      next: null,
    }));
    this.#entries = [...this.#fields];
  }

  scan(row: Row, buffer: Buffer, start: number, end: number): boolean {
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.#text = '';
    if (this.#form?.(row, buffer, start, end)) return true;
    return this.#walk(row, buffer, start, end, ++this.#formless % this.#patience === 0 ? [] : null);
  }

  /** Takes a record of any form, and learns its form when given `members` to be filled. */
  #walk(row: Row, buffer: Buffer, start: number, end: number, members: Member<Entry>[] | null): boolean {
    const record = ++this.#record;
    let behind = start;
    let left = this.#fields.length;
    let pos = this.#space(start);
    if (pos >= end || buffer[pos] !== 0x7b) return false;
    pos = this.#space(pos + 1);
    let before = this.#first;
    if (buffer[pos] === 0x7d) pos++;
    else {
      for (;;) {
        if (pos >= end || buffer[pos] !== QUOTE) return false;
        let entry = before.next;
        if (entry === null || !this.#matches(entry.key, pos)) {
          entry = this.#find(pos);
          if (entry === null) return false;
          before.next = entry;
        }
        before = entry;
        pos += entry.key.length;
        if (buffer[pos] !== 0x3a) pos = this.#space(pos);
        if (buffer[pos] !== 0x3a) return false;
        pos++;
        if (buffer[pos] <= 0x20) pos = this.#space(pos);
        members?.push({ property: entry, before: Uint8Array.from(buffer.subarray(behind, pos)), first: buffer[pos] });
        pos = this.#value(entry, row, pos);
        if (pos < 0) return false;
        behind = pos;
        if (entry.seen !== record) {
          entry.seen = record;
          if (entry.field !== null) left--;
        }
        if (buffer[pos] <= 0x20) pos = this.#space(pos);
        if (pos >= end) return false;
        const mark = buffer[pos++];
        if (mark === 0x7d) break;
        if (mark !== 0x2c) return false;
        if (buffer[pos] <= 0x20) pos = this.#space(pos);
      }
    }
    if (pos !== end && this.#space(pos) !== end) return false;
    if (left > 0 && !this.#absent(row, record)) return false;
    if (members !== null) this.#learn(members, Uint8Array.from(buffer.subarray(behind, end)));
    return true;
  }

  #learn(members: readonly Member<Entry>[], tail: Uint8Array): void {
    this.#patience *= 8;
    this.#formless = 0;
    const given = new Set(members.map(({ property }) => property));
    const absent = this.#fields.flatMap((entry) => {
      const { field, slot } = entry;
      return given.has(entry) || field === null || slot === null ? [] : [{ slot, value: field.convert(undefined) }];
    });
    const slowly = {
      value: (entry: Entry, row: Row, pos: number) => this.#value(entry, row, pos),
      text: (entry: Entry, from: number, to: number) => this.#taken(entry, from, to),
    };
    this.#form = formReader(members, tail, absent, slowly) ?? this.#form;
  }

  #space(from: number): number {
    const buffer = this.#buffer;
    let pos = from;
    for (; pos < this.#end; pos++) {
      const byte = buffer[pos];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    }
    return pos;
  }

  #matches(key: Uint8Array, pos: number): boolean {
    const buffer = this.#buffer;
    for (let i = 1; i < key.length; i++) if (buffer[pos + i] !== key[i]) return false;
    return true;
  }

  /** The entry of the name that begins at `pos`; an unknown one becomes an entry that is skipped. Null for names with escapes or beyond ASCII. */
  #find(pos: number): Entry | null {
    for (const entry of this.#entries) if (this.#matches(entry.key, pos)) return entry;
    const to = this.#plain(pos + 1);
    if (to >= this.#end || this.#buffer[to] !== QUOTE) return null;
    const entry: Entry = {
      key: Uint8Array.from(this.#buffer.subarray(pos, to + 1)),
      field: null,
      kind: 'skip',
      slot: null,
      span: null,
      known: null,
      seen: 0,
      next: null,
    };
    if (this.#entries.length < this.#fields.length + MOST_IGNORED) this.#entries.push(entry);
    return entry;
  }

  /** The first byte from `from` on that a string does not hold as it is: its end, a backslash, a control character, a letter beyond ASCII. */
  #plain(from: number): number {
    const buffer = this.#buffer;
    let to = from;
    while (PLAIN[buffer[to]] === 1) to++;
    return to;
  }

  /** Reads a value into its slot and gives the position behind it, −1 when it is not taken. */
  #value(entry: Entry, row: Row, pos: number): number {
    const field = entry.field;
    const first = this.#buffer[pos];
    switch (entry.kind) {
      case 'string':
      case 'skip':
        if (first === QUOTE) return this.#string(entry, row, pos);
        break;
      case 'double':
        if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
          const to = this.#digits(pos);
          if (to < 0 || !Number.isFinite(this.#number)) return -1;
          if (field !== null && field.set !== null) field.set(row, this.#number);
          return to;
        }
        break;
      case 'int':
      case 'long':
      case 'millis':
        if (first === 0x2d || (first >= 0x30 && first <= 0x39)) return this.#integer(entry, row, pos);
        break;
      case 'boolean':
        if (first === 0x74 || first === 0x66) {
          const to = this.#word(pos, first === 0x74 ? TRUE : FALSE);
          if (to >= 0 && field !== null && field.set !== null) field.set(row, first === 0x74);
          return to;
        }
        break;
      default:
        break;
    }
    if (first === 0x6e) {
      const to = this.#word(pos, NULL);
      if (to < 0 || field === null) return to;
      if (!field.nullable) return -1;
      if (field.set !== null) field.set(row, null);
      return to;
    }
    return this.#parsed(entry, row, pos);
  }

  #word(pos: number, word: Uint8Array): number {
    for (let i = 1; i < word.length; i++) if (this.#buffer[pos + i] !== word[i]) return -1;
    return pos + word.length <= this.#end ? pos + word.length : -1;
  }

  #string(entry: Entry, row: Row, pos: number): number {
    const buffer = this.#buffer;
    const from = pos + 1;
    const { known, field } = entry;
    const to = known === null ? this.#plain(from) : known.scan(buffer, from);
    if (to >= this.#end) return -1;
    if (buffer[to] === QUOTE) {
      if (field !== null && field.set !== null) field.set(row, this.#taken(entry, from, to));
      return to + 1;
    }
    return this.#parsed(entry, row, pos);
  }

  #taken({ span, known }: Entry, from: number, to: number): Value {
    if (span === null) return known?.text(this.#buffer, from, to) ?? this.#ascii(from, to);
    span.buffer = this.#buffer;
    span.start = from;
    span.end = to;
    return span.value;
  }

  /**
   * The text of ASCII bytes. A call into Node costs more than a short string is worth, so those are cut from the record's text;
   * V8 copies them. From 13 characters on it would keep a view, and with it the whole record, so those are made on their own.
   */
  #ascii(from: number, to: number): string {
    if (to - from >= SLICED) return this.#buffer.latin1Slice(from, to);
    if (this.#text === '') this.#text = this.#buffer.latin1Slice(this.#start, this.#end);
    return this.#text.substring(from - this.#start, to - this.#start);
  }

  #integer(entry: Entry, row: Row, pos: number): number {
    const to = this.#digits(pos);
    if (to < 0 || !this.#whole) return -1;
    const value = this.#number + 0;
    const { field } = entry;
    if (entry.kind === 'int') {
      if (value < -0x80000000 || value > 0x7fffffff) return -1;
      if (field !== null && field.set !== null) field.set(row, value);
    } else if (entry.kind === 'long') {
      if (field !== null && field.set !== null) field.set(row, value);
    } else {
      const micros = value * 1000;
      if (!Number.isSafeInteger(micros)) return -1;
      if (field !== null && field.set !== null) field.set(row, micros);
    }
    return to;
  }

  /**
   * Reads a number into `#number`. A mantissa below 2^53 and a power of ten up to 22 are both doubles, so one multiplication
   * or division rounds once, as it should (Clinger 1990); anything longer goes to `Number`.
   */
  #digits(pos: number): number {
    const buffer = this.#buffer;
    let to = pos;
    const negative = buffer[to] === 0x2d;
    if (negative) to++;
    let mantissa = 0;
    let digit = buffer[to] - 0x30;
    const from = to;
    while (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digit = buffer[++to] - 0x30;
    }
    const count = to - from;
    if (count === 0 || (count > 1 && buffer[from] === 0x30)) return -1;
    let exponent = 0;
    let whole = true;
    if (buffer[to] === 0x2e) {
      whole = false;
      const point = ++to;
      digit = buffer[to] - 0x30;
      while (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        digit = buffer[++to] - 0x30;
      }
      if (to === point) return -1;
      exponent = point - to;
    }
    if (buffer[to] === 0x65 || buffer[to] === 0x45) {
      whole = false;
      to = this.#exponent(to + 1);
      if (to < 0) return -1;
      exponent = -100; // leave it to Number
    }
    if (to > this.#end) return -1;
    if (mantissa > Number.MAX_SAFE_INTEGER || exponent < -22) {
      this.#number = Number(buffer.latin1Slice(pos, to));
      whole = false; // its digits are lost here: an integer goes to the parsing path
    } else {
      const value = exponent === 0 ? mantissa : mantissa / POWERS[-exponent];
      this.#number = negative ? -value : value;
    }
    this.#whole = whole;
    return to;
  }

  #exponent(pos: number): number {
    const buffer = this.#buffer;
    let to = buffer[pos] === 0x2b || buffer[pos] === 0x2d ? pos + 1 : pos;
    const from = to;
    while (buffer[to] >= 0x30 && buffer[to] <= 0x39) to++;
    return to > from ? to : -1;
  }

  /** Hands one value to JSON.parse: escapes, letters beyond ASCII, lists and objects, and properties to be ignored. */
  #parsed(entry: Entry, row: Row, pos: number): number {
    const to = valueEnd(this.#buffer, pos, this.#end);
    if (to < 0 || to > this.#end) return -1;
    const text = this.#buffer.utf8Slice(pos, to);
    if (text.includes('\ufffd')) return -1;
    try {
      const json: unknown = JSON.parse(text);
      const { field } = entry;
      if (field !== null) {
        const value = field.convert(json);
        if (field.set !== null) field.set(row, value);
      }
    } catch {
      return -1; // the parsing path says what is wrong, or keeps digits
    }
    return to;
  }

  #absent(row: Row, record: number): boolean {
    for (const entry of this.#fields) {
      if (entry.seen === record || entry.field === null) continue;
      try {
        const value = entry.field.convert(undefined);
        if (entry.field.set !== null) entry.field.set(row, value);
      } catch {
        return false;
      }
    }
    return true;
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');
