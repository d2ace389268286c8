import type { Place } from '../client.ts';
import { Encoder } from './bytes.ts';
import { readPlaces, writePlaces } from './places.ts';
import type { Request } from './requests.ts';

export interface ProducerId {
  readonly error: number;
  readonly id: number;
  readonly epoch: number;
}

/** A new writer's identity; for a transactional id it ends the identity, and the open transaction, of whoever had the id before. */
export function initProducerId(transactionalId: string | null, timeout: number): Request<ProducerId> {
  return {
    key: 22,
    version: 4,
    body: new Encoder().string(transactionalId).int32(timeout).int64(-1).int16(-1).tags().finish(),
    parse(answer) {
      answer.int32();
      return { error: answer.int16(), id: answer.int64(), epoch: answer.int16() };
    },
  };
}

/** Whom the coordinator knows an id by. */
export interface Owner {
  readonly transactionalId: string;
  readonly id: number;
  readonly epoch: number;
}

/** Makes partitions a part of the open transaction, or of a new one. */
export function addPartitions({ transactionalId, id, epoch }: Owner, places: readonly Place[]): Request<(Place & { readonly error: number })[]> {
  const out = new Encoder();
  out.string(transactionalId).int64(id).int16(epoch);
  writePlaces(out, places, ({ partition }) => out.int32(partition));
  return {
    key: 24,
    version: 3,
    body: out.tags().finish(),
    parse(answer) {
      answer.int32();
      return readPlaces(answer, (topic) => {
        const one = { topic, partition: answer.int32(), error: answer.int16() };
        answer.tags();
        return one;
      });
    },
  };
}

/** Ends the open transaction. Asking again for what was decided already is no error. From version 5 on the coordinator gives the identity for what comes next. */
export function endTransaction({ transactionalId, id, epoch }: Owner, commit: boolean, version: 3 | 5 = 3): Request<ProducerId> {
  return {
    key: 26,
    version,
    body: new Encoder().string(transactionalId).int64(id).int16(epoch).bool(commit).tags().finish(),
    parse(answer) {
      answer.int32();
      const error = answer.int16();
      return version < 5 ? { error, id, epoch } : { error, id: answer.int64(), epoch: answer.int16() };
    },
  };
}

export interface TransactionState extends ProducerId {
  /** such as Ongoing, PrepareCommit, CompleteCommit */
  readonly state: string;
}

/** How far a transaction is, and whose it is. */
export function describeTransaction(transactionalId: string): Request<TransactionState> {
  const out = new Encoder();
  return {
    key: 65,
    version: 0,
    body: out
      .array([transactionalId], (id) => out.string(id))
      .tags()
      .finish(),
    parse(answer) {
      answer.int32();
      answer.unsigned();
      const error = answer.int16();
      answer.string();
      const state = answer.string() ?? '';
      answer.pos += 12;
      return { error, state, id: answer.int64(), epoch: answer.int16() };
    },
  };
}
