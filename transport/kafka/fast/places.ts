import type { Place } from '../client.ts';
import type { Decoder, Encoder } from './bytes.ts';

/** Writes an array of topics, each with its partitions, as `partition` writes one. */
export function writePlaces<T extends Place>(out: Encoder, places: readonly T[], partition: (place: T) => unknown): Encoder {
  return out.array([...Map.groupBy(places, ({ topic }) => topic)], ([topic, mine]) => {
    out.string(topic);
    out.array(mine, partition).tags();
  });
}

/** Reads an array of topics, each with an array of what `partition` reads of one. */
export function readPlaces<T>(answer: Decoder, partition: (topic: string) => T): T[] {
  const topics = answer.array(() => {
    const topic = answer.string() ?? '';
    const found = answer.array(() => partition(topic));
    answer.tags();
    return found;
  });
  return topics.flat();
}
