import type { Place } from '../client.ts';
import { Encoder } from './bytes.ts';
import { readPlaces, writePlaces } from './places.ts';
import type { Request } from './requests.ts';

/** A producer that a partition's leader remembers. */
interface ActiveProducer {
  readonly id: number;
  readonly epoch: number;
  /** offset at which the transaction begins that it has open here; −1: none */
  readonly openFrom: number;
}

export interface PartitionProducers extends Place {
  readonly error: number;
  readonly producers: readonly ActiveProducer[];
}

/** Whom the leader of these partitions remembers as having written there. The right to read the topics is needed. */
export function describeProducers(places: readonly Place[]): Request<PartitionProducers[]> {
  const out = new Encoder();
  return {
    key: 61,
    version: 0,
    body: writePlaces(out, places, ({ partition }) => out.int32(partition))
      .tags()
      .finish(),
    parse(answer) {
      answer.int32();
      return readPlaces(answer, (topic) => {
        const head = { topic, partition: answer.int32(), error: answer.int16() };
        answer.string();
        const producers = answer.array(() => {
          const [id, epoch] = [answer.int64(), answer.int32()];
          // last sequence, time of the last record, coordinator epoch
          answer.pos += 16;
          const openFrom = answer.int64();
          answer.tags();
          return { id, epoch, openFrom };
        });
        answer.tags();
        return { ...head, producers };
      });
    },
  };
}
