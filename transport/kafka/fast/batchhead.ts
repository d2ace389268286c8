import { HEAD } from '../../recordbatch.ts';
import { readInt64, writeInt64 } from '../../varint.ts';
import { checksum } from './checksum.ts';

/** Positions in the head of a record batch (its layout: `recordbatch.ts`). The checksum covers what is behind it. */
const AT = { length: 8, magic: 16, crc: 17, attributes: 21, lastDelta: 23, maxTimestamp: 35, producerId: 43, epoch: 51, sequence: 53 };
const MAGIC = 2;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const LOG_APPEND_TIME = 0x08;
const CODEC = 0x07;

/** Who appends, as the broker knows it: it takes each sequence of an id and epoch once, and in order. */
export interface Identity {
  readonly id: number;
  readonly epoch: number;
  readonly transactional: boolean;
}

/** Sets the writer and the number of the first record into a finished batch, and its checksum. */
export function stamp(batch: Buffer, identity: Identity, sequence: number): void {
  if (identity.transactional) batch.writeInt16BE(batch.readInt16BE(AT.attributes) | TRANSACTIONAL, AT.attributes);
  writeInt64(batch, AT.producerId, identity.id);
  batch.writeInt16BE(identity.epoch, AT.epoch);
  batch.writeInt32BE(sequence, AT.sequence);
  batch.writeUInt32BE(checksum(batch.subarray(AT.attributes)), AT.crc);
}

/** Byte behind the batch at `start`, or −1 when it is cut off at `end`. */
export function endOfBatch(buffer: Buffer, start: number, end: number): number {
  if (end - start < HEAD) return -1;
  const length = buffer.readInt32BE(start + AT.length) + AT.length + 4;
  return length < HEAD || start + length > end ? -1 : start + length;
}

/** Offset behind the last record that the batch at `start` has or had: compaction may have taken it. */
export function offsetBehind(buffer: Buffer, start: number): number {
  return readInt64(buffer, start) + buffer.readInt32BE(start + AT.lastDelta) + 1;
}

export const isCurrentFormat = (buffer: Buffer, start: number): boolean => buffer[start + AT.magic] === MAGIC;
export const isIntact = (buffer: Buffer, start: number, end: number): boolean =>
  checksum(buffer.subarray(start + AT.attributes, end)) === buffer.readUInt32BE(start + AT.crc);
export const isControl = (buffer: Buffer, start: number): boolean => (buffer.readInt16BE(start + AT.attributes) & CONTROL) !== 0;
export const isTransactional = (buffer: Buffer, start: number): boolean => (buffer.readInt16BE(start + AT.attributes) & TRANSACTIONAL) !== 0;
export const codecOf = (buffer: Buffer, start: number): number => buffer.readInt16BE(start + AT.attributes) & CODEC;
export const producerOf = (buffer: Buffer, start: number): number => readInt64(buffer, start + AT.producerId);
/** The time that the broker set for all records of the batch, or −1: each has its own. */
export const appendTime = (buffer: Buffer, start: number): number =>
  (buffer.readInt16BE(start + AT.attributes) & LOG_APPEND_TIME) === 0 ? -1 : readInt64(buffer, start + AT.maxTimestamp);
