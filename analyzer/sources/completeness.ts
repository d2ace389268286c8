/** What is known of one writer of a bridge, as a reader of one partition has heard it. `seq` is the reader's mark. */
export interface WriterMark {
  writer: number;
  seq: number;
  watermark: number;
  idle: boolean;
  ended: boolean;
}

/**
 * The time up to which a bridge's records are all there: the least watermark over all partitions and `listed` writers that are not
 * idle. One that was not heard yet holds it back; it never goes back below `before`. Without a list nobody knows.
 */
export function completenessOf(partitions: readonly (readonly WriterMark[])[], listed: readonly number[] | null, before: number): number {
  if (listed === null || listed.length === 0) return before;
  let least = Number.POSITIVE_INFINITY;
  let most = before;
  for (const marks of partitions) {
    for (const number of listed) {
      const mark = marks.find(({ writer }) => writer === number);
      if (mark === undefined) return before;
      if (mark.idle) most = Math.max(most, mark.watermark);
      // one that has ended holds the rest at its own watermark: the end is of one run, and a later run may go on there
      if (mark.idle || (mark.ended && mark.watermark === Number.NEGATIVE_INFINITY)) continue;
      if (mark.watermark < least) least = mark.watermark;
    }
  }
  // with all idle there is nothing to wait for, whichever fell silent last
  return Math.max(before, least === Number.POSITIVE_INFINITY ? most : least);
}
