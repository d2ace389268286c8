import type { Range } from '../sources/source.ts';

/** Of one source: where its partitions are read to, and where they end for now. */
export interface Backlog {
  readonly positions: readonly number[];
  readonly ends: readonly number[];
}

/**
 * What a batch takes of each source. Up to `maxRecords` over all partitions, each gets its share by its backlog, rounded as Structured
 * Streaming does: up when it is below one, else down, so that none starves. null: everything.
 */
export function batchRanges(sources: readonly Backlog[], maxRecords: number | null): Range[] {
  const left = ({ positions, ends }: Backlog, p: number): number => Math.max(0, (ends[p] as number) - (positions[p] as number));
  const all = sources.reduce((sum, source) => sum + source.ends.reduce((total, _, p) => total + left(source, p), 0), 0);
  return sources.map((source) =>
    source.ends.map((_, p) => {
      const from = source.positions[p] as number;
      const backlog = left(source, p);
      if (maxRecords === null || all <= maxRecords) return [from, from + backlog] as const;
      const share = (maxRecords * backlog) / all;
      return [from, from + Math.min(backlog, share < 1 ? Math.ceil(share) : Math.floor(share))] as const;
    }),
  );
}

export function isEmpty(ranges: readonly Range[]): boolean {
  return ranges.every((range) => range.every(([from, to]) => from === to));
}
