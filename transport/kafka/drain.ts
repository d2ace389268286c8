import { MillraceError } from '@millrace/runtime/errors.ts';
import type { BatchView } from '../log.ts';
import type { Arrivals } from './arrivals.ts';
import type { Feed } from './client.ts';

const MAX_BYTES = 1 << 20;
const LOOK_MS = 100;

/** Hands on what has come of a feed. A view stands during `take` only. */
export function takeReady(feed: Feed, take: (view: BatchView) => void): void {
  for (let view = feed.poll(MAX_BYTES); view !== null; view = feed.poll(MAX_BYTES)) {
    take(view);
    view.release();
  }
}

/** Hands on all records of a feed below `end`, waiting for them as `reach` does. */
export function drainTo(feed: Feed, end: number, arrivals: Arrivals, patience: number, about: string, take: (view: BatchView) => void): Promise<void> {
  return reach(feed, end, arrivals, patience, about, () => takeReady(feed, take));
}

/**
 * Waits until a feed's position is at `end`: for `patience` ms without any getting on. `look` takes what is there. What keeps one waiting is an open
 * transaction of someone else; the broker ends that of a dead one after a minute.
 */
export async function reach(feed: Feed, end: number, arrivals: Arrivals, patience: number, about: string, look: () => void): Promise<void> {
  let over = false;
  const begin = () =>
    setTimeout(() => {
      over = true;
    }, patience);
  let timer = begin();
  try {
    for (;;) {
      const since = arrivals.version;
      const before = feed.position;
      look();
      if (feed.position >= end) return;
      if (feed.position > before) {
        clearTimeout(timer);
        timer = begin();
      } else if (over) {
        const said = `${about} could be read up to offset ${feed.position}, not to its end at ${end}`;
        throw new MillraceError('broker_unreachable', `${said}: the broker does not answer, or a transaction is open.`);
      }
      await arrivals.wait(LOOK_MS, since);
    }
  } finally {
    clearTimeout(timer);
  }
}
