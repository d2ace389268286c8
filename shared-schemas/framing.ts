/** Confluent's framing of a record: a zero byte, the schema's id in 4 big-endian bytes, then the Avro binary. */
export const FRAME_SIZE = 5;

/** Writes the frame and gives the position behind it; the caller has made room. */
export function writeFrame(schemaId: number, buffer: Buffer, pos: number): number {
  buffer[pos] = 0;
  return buffer.writeUInt32BE(schemaId, pos + 1);
}

/** The id in a frame, −1 when there is none. */
export function readSchemaId(buffer: Buffer, start: number, end: number): number {
  return end - start < FRAME_SIZE || buffer[start] !== 0 ? -1 : buffer.readUInt32BE(start + 1);
}
