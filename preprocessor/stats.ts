/** Counts since the last `drainStats`, and where things stand now. */
export interface HostStats {
  recordsIn: number;
  out: Record<string, number>;
  dead: Record<string, number>;
  dropped: number;
  /** of the task that is furthest behind; −Infinity before the first */
  watermark: number;
  lag: Record<string, number>;
}

export function emptyStats(): HostStats {
  return { recordsIn: 0, out: {}, dead: {}, dropped: 0, watermark: Number.POSITIVE_INFINITY, lag: {} };
}

/** Adds `from` to `into`; of the watermarks the least stays, of the lags the newest. */
export function mergeStats(into: HostStats, from: HostStats): void {
  into.recordsIn += from.recordsIn;
  into.dropped += from.dropped;
  for (const [id, count] of Object.entries(from.out)) into.out[id] = (into.out[id] ?? 0) + count;
  for (const [code, count] of Object.entries(from.dead)) into.dead[code] = (into.dead[code] ?? 0) + count;
  into.watermark = Math.min(into.watermark, from.watermark);
  Object.assign(into.lag, from.lag);
}
