import { VarintReader, writeVarint } from './varint.ts';

/**
 * The one header every record that millrace writes carries, and the heartbeat that carries it without a record.
 *
 * It is a Kafka header block (count, then name and value with zigzag-varint lengths) holding a single header `m`, so a foreign
 * reader sees an ordinary binary header. The value, every number a zigzag varint:
 *
 *     kind · writer · seq · watermark · then of a record (kind 0): eventTime · origin · originOffset · [judged]
 *                                      of a heartbeat (kind 1 to 4): run
 *
 * A watermark of −Infinity is written as −2^53 and of +Infinity as 2^53, which no time reaches. `judged` stands there only where it is not the watermark.
 */
export const HEADER_NAME = 'm';

/** When a record was made, and of what. Times are epoch ms; watermark −Infinity before the first. */
export interface RecordCause {
  /** the watermark in force before the step that caused the record */
  watermark: number;
  /** the watermark by which the record is late or not, wherever it goes: that of its own source as it was read; at least `watermark` */
  judged: number;
  eventTime: number;
  /** index of the source partition whose record caused this one; −1 for none */
  origin: number;
  /** that record's offset */
  originOffset: number;
}

/** What a record says of itself. */
interface RecordHeader extends RecordCause {
  /** number of the writer: one task of one generation */
  writer: number;
  /** 1, 2, 3 … per writer and output partition; 0 in a heartbeat's stead is never used */
  seq: number;
}

/** watermark: it has moved · idle: hold nothing back for this writer · end: the run's input has ended · final: this writer writes no more */
export type HeartbeatKind = 'watermark' | 'idle' | 'end' | 'final';

/** Says "watermark W after record `seq`" without a record; `seq` is 0 before the writer's first. */
export interface Heartbeat {
  kind: HeartbeatKind;
  writer: number;
  seq: number;
  watermark: number;
  /** number of the run that ended; 0 for the other kinds */
  run: number;
}

/** Room that always suffices for `encodeHeader` and `encodeHeartbeat`. */
export const MAX_HEADER = 72;

const KINDS: readonly HeartbeatKind[] = ['watermark', 'idle', 'end', 'final'];
const NAME = HEADER_NAME.charCodeAt(0);
const LIMIT = 2 ** 53;

/** Writes a record's header block, allocating nothing; the buffer has `MAX_HEADER` bytes of room. Gives the position behind it. */
export function encodeHeaderOf(writer: number, seq: number, cause: RecordCause, buffer: Uint8Array, pos: number): number {
  const { watermark, judged } = cause;
  let at = open(buffer, pos, 0, writer, seq, watermark);
  at = writeVarint(cause.eventTime, buffer, at);
  at = writeVarint(cause.origin, buffer, at);
  at = writeVarint(cause.originOffset, buffer, at);
  return close(buffer, pos, judged === watermark ? at : writeVarint(bounded(judged), buffer, at));
}

/** The same of a cause in parts. */
export function encodeHeader(
  writer: number,
  seq: number,
  watermark: number,
  judged: number,
  eventTime: number,
  origin: number,
  originOffset: number,
  buffer: Uint8Array,
  pos: number,
): number {
  return encodeHeaderOf(writer, seq, { watermark, judged, eventTime, origin, originOffset }, buffer, pos);
}

/** Writes a heartbeat's header block; else as {@link encodeHeader}. The record that carries it has a null value. */
export function encodeHeartbeat(heartbeat: Heartbeat, buffer: Uint8Array, pos: number): number {
  const at = open(buffer, pos, KINDS.indexOf(heartbeat.kind) + 1, heartbeat.writer, heartbeat.seq, heartbeat.watermark);
  return close(buffer, pos, writeVarint(heartbeat.run, buffer, at));
}

function open(buffer: Uint8Array, pos: number, kind: number, writer: number, seq: number, watermark: number): number {
  buffer[pos] = 2; // one header
  buffer[pos + 1] = 2; // of a one-letter name
  buffer[pos + 2] = NAME;
  let at = writeVarint(kind, buffer, pos + 4);
  at = writeVarint(writer, buffer, at);
  at = writeVarint(seq, buffer, at);
  return writeVarint(bounded(watermark), buffer, at);
}

function bounded(watermark: number): number {
  return watermark < -LIMIT ? -LIMIT : watermark > LIMIT ? LIMIT : watermark;
}

function unbounded(watermark: number): number {
  return watermark === -LIMIT ? Number.NEGATIVE_INFINITY : watermark === LIMIT ? Number.POSITIVE_INFINITY : watermark;
}

/** The value is at most 57 bytes, so its length is one byte. */
function close(buffer: Uint8Array, pos: number, end: number): number {
  buffer[pos + 3] = (end - pos - 4) * 2;
  return end;
}

/** Reads header blocks into its own fields, allocating nothing. */
export class HeaderReader implements RecordHeader {
  /** whether the block was a heartbeat's: then `kind` and `run` stand, and the last three fields do not */
  heartbeat = false;
  kind: HeartbeatKind = 'watermark';
  run = 0;
  writer = 0;
  seq = 0;
  watermark = Number.NEGATIVE_INFINITY;
  judged = Number.NEGATIVE_INFINITY;
  eventTime = 0;
  origin = -1;
  originOffset = 0;
  readonly #in = new VarintReader();

  /** Takes in the block in [start, end). False when it has no header of ours that can be read: the fields then mean nothing. */
  read(buffer: Uint8Array, start: number, end: number): boolean {
    const from = this.#in;
    from.start(buffer, start, end);
    const last = find(from);
    if (last < 0) return false;
    const kind = from.read();
    this.writer = from.read();
    this.seq = from.read();
    this.watermark = unbounded(from.read());
    this.heartbeat = kind > 0;
    if (kind > 0) {
      if (kind > KINDS.length) return false;
      this.kind = KINDS[kind - 1];
      this.run = from.read();
    } else {
      this.eventTime = from.read();
      this.origin = from.read();
      this.originOffset = from.read();
      this.judged = from.pos < last ? unbounded(from.read()) : this.watermark;
    }
    return from.good;
  }
}

/** Moves to the value of our header and gives where it ends, −1 without one; foreign ones may stand before it. */
function find(from: VarintReader): number {
  for (let left = from.read(); left > 0 && from.good; left--) {
    const length = from.read();
    const ours = length === 1 && from.buffer[from.pos] === NAME;
    from.skip(length);
    const size = from.read();
    if (ours) return from.good && size > 0 ? from.pos + size : -1;
    from.skip(Math.max(size, 0));
  }
  return -1;
}

/** A header block of the given headers, after those of `own` (a block made by {@link encodeHeader}) if there is one. */
export function headerBlock(headers: readonly (readonly [name: string, value: Uint8Array | null])[], own?: Uint8Array): Buffer {
  const inner = own === undefined ? [] : readHeaders(own, 0, own.length);
  const all = [...inner, ...headers].map(([name, value]) => [Buffer.from(name), value] as const);
  const block = Buffer.alloc(all.reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0) + 10, 5));
  let pos = writeVarint(all.length, block, 0);
  for (const [name, value] of all) {
    pos = writeVarint(name.length, block, pos);
    block.set(name, pos);
    pos = writeVarint(value === null ? -1 : value.length, block, pos + name.length);
    if (value === null) continue;
    block.set(value, pos);
    pos += value.length;
  }
  return block.subarray(0, pos);
}

/** All headers of a block, as copies; what cannot be read ends the list. An absent block (end −1) has none. */
export function readHeaders(buffer: Uint8Array, start: number, end: number): [name: string, value: Buffer | null][] {
  const headers: [string, Buffer | null][] = [];
  const from = new VarintReader();
  from.start(buffer, start, end);
  for (let left = from.read(); left > 0 && from.good; left--) {
    const name = from.skip(from.read());
    const nameEnd = from.pos;
    const size = from.read();
    const value = size < 0 ? -1 : from.skip(size);
    if (!from.good) break;
    headers.push([Buffer.from(buffer.subarray(name, nameEnd)).toString(), value < 0 ? null : Buffer.from(buffer.subarray(value, from.pos))]);
  }
  return headers;
}
