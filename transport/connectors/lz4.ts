/** Raw LZ4 blocks, as Parquet's LZ4_RAW has them (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). Throws on bytes that are none. */

const LONG = 15;
const MIN_MATCH = 4;

/** Unpacks one block to `output` from `start` on and gives the position behind it. */
function unpack(input: Uint8Array, output: Uint8Array, start: number): number {
  let out = start;
  let at = 0;
  const length = (nibble: number) => {
    let total = nibble;
    if (nibble === LONG) {
      let byte: number;
      do total += byte = input[at++];
      while (byte === 255);
    }
    return total;
  };
  while (at < input.length) {
    const token = input[at++];
    const literals = length(token >> 4);
    if (at + literals > input.length || out + literals > output.length) throw new Error('lz4: literals beyond the end');
    output.set(input.subarray(at, at + literals), out);
    at += literals;
    out += literals;
    // the last sequence has no match
    if (at >= input.length) return out;
    const offset = input[at] | (input[at + 1] << 8);
    at += 2;
    const end = out + length(token & LONG) + MIN_MATCH;
    if (offset === 0 || offset > out - start || !(end <= output.length)) throw new Error('lz4: a match out of range');
    // may overlap what it writes: byte by byte
    for (let from = out - offset; out < end; ) output[out++] = output[from++];
  }
  return out;
}

export function unpackLz4(input: Uint8Array, outputLength: number): Uint8Array {
  const output = new Uint8Array(outputLength);
  if (unpack(input, output, 0) !== outputLength) throw new Error('lz4: too little');
  return output;
}

/** Parquet's older LZ4: Hadoop's frames (unpacked length, packed length, both big-endian), or a raw block. */
export function unpackHadoopLz4(input: Uint8Array, outputLength: number): Uint8Array {
  const output = new Uint8Array(outputLength);
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  let out = 0;
  for (let at = 0; at + 8 <= input.length; ) {
    const end = at + 8 + view.getUint32(at + 4);
    const wanted = out + view.getUint32(at);
    if (end > input.length || wanted > outputLength) return unpackLz4(input, outputLength);
    out = unpack(input.subarray(at + 8, end), output, out);
    if (out !== wanted) throw new Error('lz4: a frame of another length');
    at = end;
  }
  return out === outputLength ? output : unpackLz4(input, outputLength);
}
