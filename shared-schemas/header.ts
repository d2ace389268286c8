/**
 * The one header every record that millrace writes carries, and the heartbeat that carries it without a record.
 *
 * It is a Kafka header block (count, then name and value with zigzag-varint lengths) holding a single header `m`, so a foreign
 * reader sees an ordinary binary header. The value, every number a varint:
 *
 *     writer · seq · watermark · eventTime · origin · originOffset      (heartbeat: kind · writer · seq · watermark)
 */
export const HEADER_NAME = 'm';

/** What a record says of itself. Times are epoch ms; watermark −Infinity before the first. */
export interface RecordHeader {
  /** number of the writer: one task of one generation */
  writer: number;
  /** 1, 2, 3 … per writer and output partition; 0 in a heartbeat's stead is never used */
  seq: number;
  /** the watermark in force before the step that caused the record */
  watermark: number;
  eventTime: number;
  /** index of the source partition whose record caused this one; −1 for none */
  origin: number;
  /** that record's offset */
  originOffset: number;
}
