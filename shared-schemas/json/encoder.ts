import { conversion, whyNot } from '../codec/convert.ts';
import { millisOf } from '../codec/exact.ts';
import type { AvroField } from '../codec/node.ts';
import { eachSlot } from '../codec/rows.ts';
import { Sink } from '../codec/sink.ts';
import { FlawError, type RowEncoder, type SqlType, type Value } from '../types.ts';
import { doubleText, formOfNode, formOfType, type JsonForm, jsonText } from './form.ts';

/** One property of the object written. With `avroField` the value is converted and checked as Avro's encoder does. */
export interface JsonField {
  readonly name: string;
  readonly slot: string;
  readonly type: SqlType;
  readonly avroField?: AvroField;
}

type Write = (sink: Sink, value: Value) => void;

/** Rows to one compact JSON object each, properties in the order of `fields`; no newline. */
export function jsonEncoder(fields: readonly JsonField[]): RowEncoder {
  const all = eachSlot(
    fields.map((field, i) => {
      const name = Buffer.from(`${i === 0 ? '{' : ','}${JSON.stringify(field.name)}:`);
      const write = fieldWriter(field);
      return {
        slot: field.slot,
        write: (sink: Sink, value: Value) => {
          rawShort(sink, name);
          write(sink, value);
        },
      };
    }),
  );
  const sink = new Sink();
  return (row, buffer, pos) => {
    sink.start(buffer, pos);
    if (fields.length === 0) sink.byte(0x7b);
    all(sink, row);
    sink.byte(0x7d);
    return sink.done();
  };
}

const NULL = Buffer.from('null');

function fieldWriter({ name, type, avroField }: JsonField): Write {
  if (avroField === undefined) return nullable(writerOf(formOfType(type)));
  const reason = whyNot(type, avroField.node);
  if (reason !== null) throw new Error(`field ${name}: ${reason}`);
  const write = writerOf(formOfNode(avroField.node));
  const convert = conversion(type, avroField.node, name);
  const converted: Write = convert === null ? write : (sink, value) => write(sink, convert(value));
  if (avroField.node.nullAt >= 0) return nullable(converted);
  return (sink, value) => {
    if (value === null) throw new FlawError('value_out_of_range', `${name} is NULL, which its schema does not allow`);
    converted(sink, value);
  };
}

function nullable(write: Write): Write {
  return (sink, value) => {
    if (value === null) rawShort(sink, NULL);
    else write(sink, value);
  };
}

function writerOf(form: JsonForm): Write {
  switch (form.kind) {
    case 'integer':
      return (sink, value) => (typeof value === 'number' ? integer(sink, value) : ascii(sink, String(value)));
    case 'millis':
      return (sink, value) => (typeof value === 'number' ? integer(sink, millisOf(value) as number) : ascii(sink, jsonText(value, form)));
    case 'double':
      return (sink, value) => ascii(sink, doubleText(value as number));
    case 'string':
      return (sink, value) => string(sink, value as string);
    case 'boolean':
      return (sink, value) => rawShort(sink, value === true ? TRUE : FALSE);
    default:
      return (sink, value) => {
        const text = jsonText(value, form);
        sink.utf8(text, Buffer.byteLength(text));
      };
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

/** A few bytes: a loop is faster than `set`. */
function rawShort(sink: Sink, bytes: Uint8Array): void {
  if (!sink.room(bytes.length)) return;
  const { buffer } = sink;
  let pos = sink.pos;
  for (let i = 0; i < bytes.length; i++) buffer[pos++] = bytes[i];
  sink.pos = pos;
}

function ascii(sink: Sink, text: string): void {
  if (!sink.room(text.length)) return;
  const { buffer } = sink;
  let pos = sink.pos;
  for (let i = 0; i < text.length; i++) buffer[pos++] = text.charCodeAt(i);
  sink.pos = pos;
}

const digits = new Uint8Array(16);

/** A safe integer, digit by digit in two halves of 32-bit arithmetic. */
function integer(sink: Sink, value: number): void {
  let count = 0;
  let rest = Math.abs(value);
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10);
    digits[count++] = rest - quotient * 10;
    rest = quotient;
  }
  do {
    const quotient = (rest / 10) | 0;
    digits[count++] = rest - quotient * 10;
    rest = quotient;
  } while (rest > 0);
  if (!sink.room(count + 1)) return;
  const { buffer } = sink;
  let pos = sink.pos;
  if (value < 0) buffer[pos++] = 0x2d;
  while (count > 0) buffer[pos++] = 0x30 + digits[--count];
  sink.pos = pos;
}

/** Plain ASCII byte by byte; anything to escape or beyond ASCII as `JSON.stringify` has it. */
function string(sink: Sink, text: string): void {
  const { length } = text;
  if (length <= 256 && sink.room(length + 2)) {
    const { buffer } = sink;
    let pos = sink.pos;
    buffer[pos++] = 0x22;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) break;
      buffer[pos++] = code;
    }
    if (i === length) {
      buffer[pos++] = 0x22;
      sink.pos = pos;
      return;
    }
  }
  const quoted = JSON.stringify(text);
  sink.utf8(quoted, Buffer.byteLength(quoted));
}
