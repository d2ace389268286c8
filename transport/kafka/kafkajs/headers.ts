import { behind, readVarint, varintSize, writeVarint } from '../../varint.ts';
import type { IHeaders } from './library.ts';

/**
 * Between a header block in Kafka's layout and the object that kafkajs makes of it. The object is not quite the same: names that are numbers
 * come first, equal names together, and kafkajs cannot send a null value, so one becomes empty.
 */
export function headersOf(block: Buffer, start: number, end: number): IHeaders | undefined {
  if (end < 0) return undefined;
  const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
  let pos = start;
  let left = readVarint(block, pos);
  for (pos = behind; left > 0; left--) {
    const nameLength = readVarint(block, pos);
    const nameEnd = behind + nameLength;
    const name = block.toString('utf8', behind, nameEnd);
    const length = readVarint(block, nameEnd);
    const value = block.subarray(behind, behind + Math.max(0, length));
    pos = behind + Math.max(0, length);
    const old = headers[name];
    if (old === undefined) headers[name] = value;
    else headers[name] = Array.isArray(old) ? [...old, value] : [old, value];
  }
  return headers;
}

/** One header's values as kafkajs gives them; what it made of a name such as `constructor` is no buffer and left out. */
function* values(of: unknown): Generator<Buffer | null> {
  for (const value of Array.isArray(of) ? of : [of]) if (value === null || Buffer.isBuffer(value)) yield value;
}

/** Bytes that the block of these headers takes; 0 for none. */
export function blockSize(headers: IHeaders | undefined): number {
  if (headers === undefined) return 0;
  let count = 0;
  let size = 0;
  for (const name of Object.keys(headers)) {
    const nameLength = Buffer.byteLength(name);
    for (const value of values(headers[name])) {
      count++;
      size += varintSize(nameLength) + nameLength + varintSize(value === null ? -1 : value.length) + (value?.length ?? 0);
    }
  }
  return count === 0 ? 0 : varintSize(count) + size;
}

/** Writes the block at `pos` and gives the position behind it. Nothing is written for no headers. */
export function writeBlock(headers: IHeaders | undefined, target: Buffer, pos: number): number {
  if (headers === undefined) return pos;
  const all = Object.keys(headers).flatMap((name) => [...values(headers[name])].map((value) => [name, value] as const));
  if (all.length === 0) return pos;
  pos = writeVarint(target, pos, all.length);
  for (const [name, value] of all) {
    const nameLength = Buffer.byteLength(name);
    pos = writeVarint(target, pos, nameLength);
    pos += target.write(name, pos, 'utf8');
    pos = writeVarint(target, pos, value === null ? -1 : value.length);
    if (value !== null) pos += value.copy(target, pos);
  }
  return pos;
}
