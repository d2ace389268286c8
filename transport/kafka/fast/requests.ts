import type { NewTopic, Place } from '../client.ts';
import { Decoder, Encoder } from './bytes.ts';
import { Transient } from './codes.ts';
import { wireFailure } from './failures.ts';
import { readPlaces, writePlaces } from './places.ts';
import type { Wire } from './wire.ts';

/** A request of Kafka's protocol and how its answer is read (https://kafka.apache.org/protocol). */
export interface Request<T> {
  readonly key: number;
  readonly version: number;
  readonly body: readonly Buffer[];
  parse(answer: Decoder): T;
}

/** Sends it and reads the answer; `into` as in `Wire.send`. @throws Transient when the connection fails, or what `wireFailure` says */
export async function ask<T>(wire: Wire, address: string, request: Request<T>, into?: (bytes: number) => Buffer): Promise<T> {
  let answer: Buffer;
  try {
    answer = await wire.send(request.key, request.version, request.body, into);
  } catch (error) {
    throw wireFailure(error, address);
  }
  try {
    return request.parse(new Decoder(answer));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    wire.close();
    throw new Transient(`Kafka broker ${address}: an answer that is cut short`, true, 'broker_unreachable', error);
  }
}

/** Versions that we speak, by api key: those a broker must have. Kafka 3.0 and later do. */
const SPOKEN: readonly (readonly [key: number, version: number, name: string])[] = [
  [0, 9, 'Produce'],
  [1, 12, 'Fetch'],
  [2, 6, 'ListOffsets'],
  [3, 10, 'Metadata'],
  [10, 3, 'FindCoordinator'],
  [22, 4, 'InitProducerId'],
  [24, 3, 'AddPartitionsToTxn'],
  [26, 3, 'EndTxn'],
  [61, 0, 'DescribeProducers'],
  [65, 0, 'DescribeTransactions'],
];

/** The requests that we need and the broker does not have, by name. */
export function missingApis(): Request<string[]> {
  return {
    key: 18,
    version: 0,
    body: [],
    parse(answer) {
      answer.int16();
      const offered = new Map<number, readonly [number, number]>();
      for (let left = answer.int32(); left > 0; left--) offered.set(answer.int16(), [answer.int16(), answer.int16()]);
      return SPOKEN.filter(([key, version]) => {
        const [low, high] = offered.get(key) ?? [1, 0];
        return version < low || version > high;
      }).map(([, version, name]) => `${name} ${version}`);
    },
  };
}

const FINALIZED_FEATURES = 2;

/** The levels at which the cluster runs what its brokers have, such as `transaction.version`; Kafka before 3.3 names none. */
export function features(): Request<ReadonlyMap<string, number>> {
  return {
    key: 18,
    version: 3,
    body: new Encoder().string('millrace').string('1').tags().finish(),
    parse(answer) {
      answer.int16();
      answer.array(() => {
        answer.pos += 6;
        answer.tags();
      });
      answer.int32();
      const levels = new Map<string, number>();
      for (let left = answer.unsigned(); left > 0; left--) {
        const tag = answer.unsigned();
        const behind = answer.unsigned() + answer.pos;
        if (tag === FINALIZED_FEATURES)
          answer.array(() => {
            levels.set(answer.string() as string, answer.int16());
            answer.int16();
            answer.tags();
          });
        answer.pos = behind;
      }
      return levels;
    },
  };
}

/** what stands for a topic's id where there is none */
export const NO_ID = '0'.repeat(32);

interface TopicMetadata {
  readonly error: number;
  readonly name: string;
  /** another when the topic was made anew; of a topic from before Kafka 2.8 the same for all */
  readonly id: string;
  readonly internal: boolean;
  /** node that leads each partition, or −1; by partition */
  readonly leaders: readonly number[];
}

export interface Metadata {
  readonly brokers: readonly { readonly node: number; readonly host: string; readonly port: number }[];
  readonly controller: number;
  readonly topics: readonly TopicMetadata[];
}

/** null: all topics */
export function metadata(topics: readonly string[] | null): Request<Metadata> {
  const out = new Encoder();
  out.array(topics, (name) => out.uuid(NO_ID).string(name).tags());
  const body = out.bool(false).bool(false).bool(false).tags().finish();
  return {
    key: 3,
    version: 10,
    body,
    parse(answer) {
      answer.int32();
      const brokers = answer.array(() => {
        const broker = { node: answer.int32(), host: answer.string() as string, port: answer.int32() };
        answer.string();
        answer.tags();
        return broker;
      });
      answer.string();
      const controller = answer.int32();
      const found = answer.array(() => {
        const head = { error: answer.int16(), name: answer.string() as string, id: answer.uuid(), internal: answer.int8() !== 0 };
        const leaders: number[] = [];
        answer.array(() => {
          answer.int16();
          const index = answer.int32();
          leaders[index] = answer.int32();
          answer.int32();
          for (let list = 0; list < 3; list++) answer.array(() => answer.int32());
          answer.tags();
        });
        answer.int32();
        answer.tags();
        return { ...head, leaders };
      });
      return { brokers, controller, topics: found };
    },
  };
}

export interface Coordinator {
  readonly error: number;
  readonly said: string | null;
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

/** Who keeps the transactions of this id. */
export function findCoordinator(transactionalId: string): Request<Coordinator> {
  return {
    key: 10,
    version: 3,
    body: new Encoder().string(transactionalId).int8(1).tags().finish(),
    parse(answer) {
      answer.int32();
      return { error: answer.int16(), said: answer.string(), node: answer.int32(), host: answer.string() as string, port: answer.int32() };
    },
  };
}

/** what a partition answered */
export interface PartitionOffset extends Place {
  readonly error: number;
  readonly offset: number;
}

const WHICH = { start: -2, end: -1, stable: -1 } as const;

export function listOffsets(places: readonly Place[], which: 'start' | 'end' | 'stable'): Request<PartitionOffset[]> {
  const out = new Encoder();
  out.int32(-1).int8(which === 'stable' ? 1 : 0);
  writePlaces(out, places, ({ partition }) => out.int32(partition).int32(-1).int64(WHICH[which]).tags());
  return {
    key: 2,
    version: 6,
    body: out.tags().finish(),
    parse(answer) {
      answer.int32();
      return readPlaces(answer, (topic) => {
        const partition = answer.int32();
        const error = answer.int16();
        answer.int64();
        const offset = answer.int64();
        answer.int32();
        answer.tags();
        return { topic, partition, error, offset };
      });
    },
  };
}

interface Created {
  readonly name: string;
  readonly error: number;
  readonly said: string | null;
}

export function createTopics(topics: readonly NewTopic[], timeout: number, onlyAsk = false): Request<Created[]> {
  const out = new Encoder();
  out.array(topics, ({ name, partitions, replication, config }) => {
    out.string(name).int32(partitions).int16(replication).unsigned(1);
    out.array(Object.entries(config), ([key, value]) => out.string(key).string(value).tags()).tags();
  });
  return {
    key: 19,
    version: 5,
    body: out.int32(timeout).bool(onlyAsk).tags().finish(),
    parse(answer) {
      answer.int32();
      return answer.array(() => {
        const created = { name: answer.string() as string, error: answer.int16(), said: answer.string() };
        answer.int32();
        answer.int16();
        answer.array(() => {
          answer.string();
          answer.string();
          answer.pos += 3;
          answer.tags();
        });
        answer.tags();
        return created;
      });
    },
  };
}

export function deleteRecords(topic: string, before: readonly (readonly [partition: number, offset: number])[], timeout: number): Request<PartitionOffset[]> {
  const out = new Encoder();
  out.array([topic], (name) => {
    out.string(name);
    out.array(before, ([partition, offset]) => out.int32(partition).int64(offset).tags()).tags();
  });
  return {
    key: 21,
    version: 2,
    body: out.int32(timeout).tags().finish(),
    parse(answer) {
      answer.int32();
      return readPlaces(answer, (topic) => {
        const partition = answer.int32();
        const offset = answer.int64();
        const error = answer.int16();
        answer.tags();
        return { topic, partition, error, offset };
      });
    },
  };
}
