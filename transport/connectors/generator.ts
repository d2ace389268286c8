import type { Clock } from '@millrace/runtime/clock.ts';
import type { Position, Reader, StoredRecord } from '../log.ts';
import { Spans } from '../spans.ts';

const FIRST_CAPACITY = 64 * 1024;
/** records of one view at most, so that a view's arrays stay small */
const MOST = 4096;

/** When records come, in ms after the first. */
export interface Pace {
  /** of record i */
  due(i: number): number;
  /** how many have come after `elapsed` ms ≥ 0 */
  come(elapsed: number): number;
}

/** so many records a second */
export function perSecond(rate: number): Pace {
  return { due: (i) => Math.floor((i * 1000) / rate), come: (elapsed) => Math.floor((elapsed * rate) / 1000) + 1 };
}

export interface GeneratorOptions {
  /** what views call the source */
  readonly source: string;
  /** writes record i at `pos` and gives the position behind it, or −1 when it does not fit; a pure function of i */
  make(i: number, buffer: Buffer, pos: number): number;
  /** records in all; null: endless */
  readonly count: number | null;
  /** null: all are there at once, each as old as `start` */
  readonly pace: Pace | null;
  /** epoch ms at which record 0 comes */
  readonly start: number;
  readonly clock: Clock;
}

/** Reads records that are made as they are read: a log whose end moves with the clock. Any record can be made again at any time. */
export class GeneratorReader implements Reader {
  readonly #options: GeneratorOptions;
  readonly #view: Spans;
  #next: number;
  #limit = Number.POSITIVE_INFINITY;

  constructor(options: GeneratorOptions, from: Position = { offset: 0 }) {
    this.#options = options;
    this.#view = new Spans(options.source, 0, MOST);
    this.#view.buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
    this.#next = from.offset;
  }

  get position(): Position {
    return { offset: this.#next };
  }

  seek(position: Position): void {
    this.#next = position.offset;
  }

  /** With no count and no pace the end is nowhere: Infinity. */
  end(): Position {
    const { count, pace, start, clock } = this.#options;
    const most = count ?? Number.POSITIVE_INFINITY;
    if (pace === null) return { offset: most };
    const elapsed = clock.now() - start;
    return { offset: elapsed < 0 ? 0 : Math.min(most, pace.come(elapsed)) };
  }

  reached(end: Position): boolean {
    return this.#next >= end.offset;
  }

  limit(end: Position | null): void {
    this.#limit = end === null ? Number.POSITIVE_INFINITY : end.offset;
  }

  poll(maxBytes: number, maxRecords = Number.POSITIVE_INFINITY): Spans | null {
    const view = this.#view;
    const ready = Math.min(this.end().offset, this.#limit) - this.#next;
    const most = Math.min(ready, maxRecords, MOST);
    if (most <= 0) return null;
    let pos = 0;
    let n = 0;
    while (n < most && pos < maxBytes) {
      const i = this.#next + n;
      const end = this.#make(i, pos);
      view.offsets[n] = i;
      view.timestamps[n] = this.#time(i);
      view.keyEnd[n] = -1;
      view.headersEnd[n] = -1;
      view.valueStart[n] = pos;
      view.valueEnd[n] = end;
      pos = end;
      n++;
    }
    view.count = n;
    this.#next += n;
    return view;
  }

  /** when record i came, whole epoch ms */
  #time(i: number): number {
    const { pace, start } = this.#options;
    return pace === null ? start : start + pace.due(i);
  }

  #make(i: number, pos: number): number {
    const view = this.#view;
    for (;;) {
      const end = this.#options.make(i, view.buffer, pos);
      if (end >= 0) return end;
      const larger = Buffer.allocUnsafeSlow(view.buffer.length * 2);
      view.buffer.copy(larger, 0, 0, pos);
      view.buffer = larger;
    }
  }

  lookup(offset: number): StoredRecord | null {
    if (offset < 0 || offset >= (this.#options.count ?? Number.POSITIVE_INFINITY)) return null;
    for (let buffer = Buffer.allocUnsafe(FIRST_CAPACITY); ; buffer = Buffer.allocUnsafe(buffer.length * 2)) {
      const end = this.#options.make(offset, buffer, 0);
      if (end >= 0) return { key: null, value: buffer.subarray(0, end), timestamp: this.#time(offset) };
    }
  }

  close(): void {}
}
