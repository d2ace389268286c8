import { compareUtf8 } from '@millrace/shared-schemas/keys.ts';
import type { WindowKey } from './window-key.ts';
import type { Bucket } from './window-store.ts';

/**
 * The keys with panes in the window that fires, in the order of their key bytes. Windows fire one after the other, so
 * from one to the next only the panes at both ends are looked at, and only new keys are sorted. Follows from the
 * buckets; not saved.
 */
export class ActiveKeys {
  /** panes that start in [from, to) count */
  private from = 0;
  private to = 0;
  private sorted: WindowKey[] = [];
  private fresh: WindowKey[] = [];

  /** A key got a pane. */
  entered(key: WindowKey, start: number): void {
    if (start >= this.from && start < this.to) this.count(key);
  }

  /** A bucket is about to go. */
  left(bucket: Bucket): void {
    if (bucket.start >= this.from && bucket.start < this.to) for (const key of bucket.keys) key.active--;
  }

  /** The keys with panes that start in [from, to), in order. */
  move(buckets: readonly Bucket[], from: number, to: number): readonly WindowKey[] {
    const anew = from < this.from || to < this.to || from >= this.to;
    if (anew) {
      for (const key of this.sorted) key.active = 0;
      for (const key of this.fresh) key.active = 0;
      this.from = from;
      this.to = from;
    }
    for (let i = indexOf(buckets, this.from); i < buckets.length && buckets[i].start < from; i++) for (const key of buckets[i].keys) key.active--;
    for (let i = indexOf(buckets, this.to); i < buckets.length && buckets[i].start < to; i++) for (const key of buckets[i].keys) this.count(key);
    this.from = from;
    this.to = to;
    this.merge();
    return this.sorted;
  }

  private count(key: WindowKey): void {
    key.active++;
    if (key.listed) return;
    key.listed = true;
    this.fresh.push(key);
  }

  private merge(): void {
    const { sorted, fresh } = this;
    fresh.sort((a, b) => compareUtf8(a.text, b.text));
    const merged: WindowKey[] = [];
    let i = 0;
    for (const key of sorted) {
      while (i < fresh.length && compareUtf8(fresh[i].text, key.text) < 0) keep(merged, fresh[i++]);
      keep(merged, key);
    }
    while (i < fresh.length) keep(merged, fresh[i++]);
    this.sorted = merged;
    this.fresh = [];
  }
}

function keep(list: WindowKey[], key: WindowKey): void {
  if (key.active > 0) list.push(key);
  else key.listed = false;
}

/** The index of the first bucket that starts at or behind a time. */
function indexOf(buckets: readonly Bucket[], time: number): number {
  let low = 0;
  let high = buckets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (buckets[middle].start < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
