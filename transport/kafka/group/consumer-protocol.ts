/**
 * What members of a consumer group tell each other, in the encoding of Kafka's own consumers ("consumer" protocol), so that Kafka's tools show who reads
 * what. The slots themselves travel in its user data. Texts and lists have lengths of 16 and 32 bits there.
 */

/** Kafka's versions: 1 of the subscription has the partitions owned; 0 of the assignment is all there is to it */
const SUBSCRIPTION = 1;
const ASSIGNMENT = 0;
/** of our user data */
const OURS = 1;

export interface Subscription {
  /** slots given and worked on, and slots withdrawn that are still worked on */
  readonly owned: readonly number[];
  readonly closing: readonly number[];
  /** the last generation that the member was in */
  readonly generation: number;
}

export interface Assignment {
  readonly assigned: readonly number[];
  /** slots that the member claims and is to give up */
  readonly withdrawn: readonly number[];
  /** how many slots the leader shared out, and among how many members */
  readonly slots: number;
  readonly members: number;
}

function int(value: number, bytes: 2 | 4): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int(bytes.length, 2), bytes]);
}

function list<T>(values: readonly T[], write: (value: T) => Buffer): Buffer {
  return Buffer.concat([int(values.length, 4), ...values.map(write)]);
}

function sized(...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([int(bytes.length, 4), bytes]);
}

const numbers = (values: readonly number[]): Buffer => list(values, (value) => int(value, 4));

/** The partitions that slots stand for. */
function partitionsOf(slots: readonly number[], topics: ReadonlyMap<string, number>): Buffer {
  const found = [...topics].map(([topic, partitions]) => ({ topic, mine: slots.filter((slot) => slot < partitions) })).filter(({ mine }) => mine.length > 0);
  return list(found, ({ topic, mine }) => Buffer.concat([text(topic), numbers(mine)]));
}

/** Reads the encodings above. A read behind the end throws a RangeError. */
class Reading {
  readonly #bytes: Buffer;
  #pos = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(bytes: 2 | 4): number {
    const value = this.#bytes.readIntBE(this.#pos, bytes);
    this.#pos += bytes;
    return value;
  }

  list<T>(read: () => T): T[] {
    const values: T[] = [];
    for (let left = this.int(4); left > 0; left--) values.push(read());
    return values;
  }

  numbers(): number[] {
    return this.list(() => this.int(4));
  }

  skipText(): void {
    const length = this.int(2);
    this.#pos += length;
  }

  /** topics and their partitions */
  skipPartitions(): void {
    this.list(() => {
      this.skipText();
      this.numbers();
    });
  }
}

export function encodeSubscription({ owned, closing, generation }: Subscription, topics: ReadonlyMap<string, number>): Buffer {
  const ours = sized(int(OURS, 2), int(generation, 4), numbers(owned), numbers(closing));
  return Buffer.concat([int(SUBSCRIPTION, 2), list([...topics.keys()], text), ours, partitionsOf([...owned, ...closing], topics)]);
}

/** @throws RangeError */
export function decodeSubscription(bytes: Buffer): Subscription {
  const reading = new Reading(bytes);
  reading.int(2);
  reading.list(() => reading.skipText());
  reading.int(4);
  reading.int(2);
  return { generation: reading.int(4), owned: reading.numbers(), closing: reading.numbers() };
}

export function encodeAssignment({ assigned, withdrawn, slots, members }: Assignment, topics: ReadonlyMap<string, number>): Buffer {
  const ours = sized(int(OURS, 2), int(slots, 4), int(members, 4), numbers(assigned), numbers(withdrawn));
  return Buffer.concat([int(ASSIGNMENT, 2), partitionsOf(assigned, topics), ours]);
}

/** @throws RangeError */
export function decodeAssignment(bytes: Buffer): Assignment {
  const reading = new Reading(bytes);
  reading.int(2);
  reading.skipPartitions();
  reading.int(4);
  reading.int(2);
  return { slots: reading.int(4), members: reading.int(4), assigned: reading.numbers(), withdrawn: reading.numbers() };
}
