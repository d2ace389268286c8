/** The row in hand: one object a flow, written by whoever makes the row, read down the flow. */
export interface InHand {
  /** epoch ms */
  eventTime: number;
  /** the watermark that a bridge's record came with and is late by, epoch ms; −Infinity for other rows */
  judged: number;
  /** number of the source partition whose record caused it, −1 for none, and that record's offset: the lineage of a dead letter */
  origin: number;
  offset: number;
}
