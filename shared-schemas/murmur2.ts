/** Kafka's murmur2 (seed 0x9747b28c) of a span, as a signed 32-bit integer. After Austin Appleby's MurmurHash2, as `org.apache.kafka.common.utils.Utils` has it. */
export function murmur2(buffer: Uint8Array, start = 0, end = buffer.length): number {
  const length = end - start;
  let hash = 0x9747b28c ^ length;
  let at = start;
  for (const last = start + (length & ~3); at < last; at += 4) {
    let word = buffer[at] | (buffer[at + 1] << 8) | (buffer[at + 2] << 16) | (buffer[at + 3] << 24);
    word = Math.imul(word, 0x5bd1e995);
    word ^= word >>> 24;
    hash = Math.imul(hash, 0x5bd1e995) ^ Math.imul(word, 0x5bd1e995);
  }
  const rest = length & 3;
  if (rest > 2) hash ^= buffer[at + 2] << 16;
  if (rest > 1) hash ^= buffer[at + 1] << 8;
  if (rest > 0) hash = Math.imul(hash ^ buffer[at], 0x5bd1e995);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0x5bd1e995);
  return hash ^ (hash >>> 15);
}

/** The partition of a key, as Kafka's default partitioner chooses it. */
export function partitionOf(key: Uint8Array, start: number, end: number, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(key, start, end) & 0x7fffffff) % partitions;
}
