import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A copy that nobody has changed for half of that is made anew when it is opened: it is worth nothing by then. */
const OLD = 24 * 3600 * 1000;

/**
 * Removes from a data directory the copies of ledgers of hosts whose names begin so and that nobody has changed for a day: containers and machines that are gone leave theirs.
 * One whose owner lives all the same has files without names from then on, and makes its copy anew when it is opened next. Gives how many.
 */
export function removeOldCopies(dataDir: string, hosts: string, now: number): number {
  const place = join(dataDir, 'kafka');
  const old = namesIn(place).filter((name) => name.startsWith(encodeURIComponent(hosts)) && changedAt(join(place, name)) < now - OLD);
  for (const name of old) rmSync(join(place, name), { recursive: true, force: true });
  return old.length;
}

/** epoch ms; of one that another has just removed: now, so to say */
function changedAt(place: string): number {
  const times = namesIn(place).map((name) => statSync(join(place, name), { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY);
  return times.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...times);
}

function namesIn(place: string): string[] {
  try {
    return readdirSync(place);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
