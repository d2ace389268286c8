/** Keys of the log's tables: big-endian numbers, so that the order of bytes is the order of offsets. */

const TWO_32 = 2 ** 32;

/** bytes of a partition's key */
const PARTITION_KEY = 8;

/** Key of a partition: topic id u32 · partition u32. */
export function partitionKey(topic: number, partition: number): Buffer {
  const key = Buffer.alloc(PARTITION_KEY);
  key.writeUInt32BE(topic, 0);
  key.writeUInt32BE(partition, 4);
  return key;
}

/** Key of a partition's batch at offset 0: the partition's key · base offset u64. */
export function batchKey(topic: number, partition: number): Buffer {
  return Buffer.concat([partitionKey(topic, partition), Buffer.alloc(8)]);
}

/** Sets the offset of a batch key in place. */
export function setOffset(key: Buffer, offset: number): Buffer {
  key.writeUInt32BE(Math.floor(offset / TWO_32), 8);
  key.writeUInt32BE(offset >>> 0, 12);
  return key;
}

export function offsetOf(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset);
  return view.getUint32(8) * TWO_32 + view.getUint32(12);
}

/** Whether both batch keys are of one partition. */
export function samePartition(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 0; at < PARTITION_KEY; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** The least bytes behind every key that begins with `prefix`. */
export function behindPrefix(prefix: Uint8Array): Uint8Array {
  // UTF-8 has no byte 255, so it is above all that may follow
  return Buffer.concat([prefix, Buffer.from([255])]);
}

export function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

export function readNumber(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
}
