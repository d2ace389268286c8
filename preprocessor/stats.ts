import { addCounts } from '@millrace/runtime/counts.ts';

/** Something a person should know. */
export interface Notice {
  readonly level: 'info' | 'warn' | 'error';
  readonly code: string;
  readonly message: string;
}

/** Commits, and what of them saved state; `ms`: how long they took, all together. */
export interface Commits {
  count: number;
  snapshots: number;
  ms: number;
}

/** Counts since the last `drainStats`, and where things stand now. */
export interface HostStats {
  recordsIn: number;
  out: Record<string, number>;
  dead: Record<string, number>;
  dropped: number;
  /** of the task that is furthest behind, of those that are not idle: −Infinity before its first record, +Infinity when all are idle */
  watermark: number;
  /** of the task that was furthest when it fell idle or ended; −Infinity when none is idle */
  idleWatermark: number;
  lag: Record<string, number>;
  /** ms since the host that has been silent longest was heard of */
  silentMs: number;
  commits: Commits;
  notices: Notice[];
}

export function emptyStats(): HostStats {
  return {
    recordsIn: 0,
    out: {},
    dead: {},
    dropped: 0,
    watermark: Number.POSITIVE_INFINITY,
    idleWatermark: Number.NEGATIVE_INFINITY,
    lag: {},
    silentMs: 0,
    commits: { count: 0, snapshots: 0, ms: 0 },
    notices: [],
  };
}

/** Adds what `from` counted to `into`. */
function addStats(into: HostStats, from: HostStats): void {
  into.recordsIn += from.recordsIn;
  into.dropped += from.dropped;
  addCommits(into.commits, from.commits);
  into.notices.push(...from.notices);
  addCounts(into.out, from.out);
  addCounts(into.dead, from.dead);
}

export function addCommits(into: Commits, from: Commits): void {
  into.count += from.count;
  into.snapshots += from.snapshots;
  into.ms += from.ms;
}

/** What several hosts report at times of their own: counts since the last drain, and of where things stand each one's last word. */
export class MergedStats {
  #counts = emptyStats();
  readonly #last = new Map<number, HostStats>();
  readonly #heard = new Map<number, number>();

  /** `now`: monotonic ms */
  add(host: number, stats: HostStats, now: number): void {
    addStats(this.#counts, stats);
    this.#last.set(host, stats);
    this.#heard.set(host, now);
  }

  /** it works here no more: what it counted stays */
  forget(host: number): void {
    this.#last.delete(host);
    this.#heard.delete(host);
  }

  drain(now: number): HostStats {
    const stats = this.#counts;
    this.#counts = emptyStats();
    for (const heard of this.#heard.values()) stats.silentMs = Math.max(stats.silentMs, now - heard);
    for (const { watermark, idleWatermark, lag } of this.#last.values()) {
      stats.watermark = Math.min(stats.watermark, watermark);
      stats.idleWatermark = Math.max(stats.idleWatermark, idleWatermark);
      addCounts(stats.lag, lag);
    }
    return stats;
  }
}
