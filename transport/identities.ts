import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Log } from './log.ts';

/** By topic, what tells it from one that had its name before; those of which nobody knows are not in it. */
export type Identities = Readonly<Record<string, string>>;

/**
 * The topics that somebody reads, as they are now; where nobody knows now, as they were `before`. `read`: whether records of a topic were taken.
 * @throws MillraceError topic_made_anew when one of which records were taken is another than before: the offsets of those mean other records now
 */
export async function identify(log: Log, topics: Iterable<string>, before: Identities, read: (topic: string) => boolean): Promise<Identities> {
  const found: [string, string][] = [];
  for (const topic of new Set(topics)) {
    const was = before[topic];
    const is = (await log.identity?.(topic)) ?? was;
    if (is === undefined) continue;
    if (was !== undefined && is !== was && read(topic))
      throw new MillraceError(
        'topic_made_anew',
        `Topic ${topic} was deleted and made again since this pipeline read it: where it stopped reading other records stand now, or none.`,
      );
    found.push([topic, is]);
  }
  return Object.fromEntries(found);
}
