/**
 * Where windows and panes lie on the time axis. Windows are [start, start + size), a start every `slide` from the epoch plus
 * `offset`; tumbling windows slide by their size. A pane is a stretch that no window's start or end cuts, so each
 * window is a run of whole panes: at most two a slide (Krishnamurthy, Wu and Franklin, "On-the-fly sharing for streamed
 * aggregation", 2006), and the number of a record's panes is one, however many windows it is in.
 */
export class WindowGeometry {
  readonly size: number;
  readonly slide: number;
  private readonly offset: number;
  /** a slide's second pane begins here; 0 when a slide is one pane */
  private readonly cut: number;

  constructor({ size, slide = size, offset }: { readonly size: number; readonly slide?: number; readonly offset: number }) {
    this.size = size;
    this.slide = slide;
    this.offset = offset;
    this.cut = this.size % this.slide;
  }

  /** The start of the pane that holds t; right for times before the epoch too. */
  paneOf(t: number): number {
    const base = this.lastStart(t);
    return this.cut > 0 && t - base >= this.cut ? base + this.cut : base;
  }

  /** The start of the latest window that may hold the time; with gaps between windows it may end before it. */
  lastStart(t: number): number {
    return Math.floor((t - this.offset) / this.slide) * this.slide + this.offset;
  }

  /** The start of the earliest window that ends behind the time. */
  firstStart(t: number): number {
    return this.lastStart(t - this.size) + this.slide;
  }
}
