import { Encoder } from './bytes.ts';
import type { Fetched } from './feed.ts';
import type { Request } from './requests.ts';

export interface Asked {
  readonly topic: string;
  readonly partition: number;
  /** offset from which on */
  readonly next: number;
  /** bytes; a first batch that is larger comes whole all the same */
  readonly wanted: number;
}

export interface PartitionAnswer extends Omit<Fetched, 'frame'> {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
}

export interface FetchAnswer {
  readonly error: number;
  readonly partitions: readonly PartitionAnswer[];
}

const READ_COMMITTED = 1;
const none: never[] = [];

/** Fetch 12: the last that names topics by name. Each partition's record batches stay where they are in the answer. */
export function fetch(asked: readonly Asked[], maxWait: number, maxBytes: number): Request<FetchAnswer> {
  const out = new Encoder(64 + asked.length * 64);
  out.int32(-1).int32(maxWait).int32(1).int32(maxBytes).int8(READ_COMMITTED).int32(0).int32(-1);
  out.array([...Map.groupBy(asked, ({ topic }) => topic)], ([topic, mine]) => {
    out.string(topic);
    out.array(mine, ({ partition, next, wanted }) => out.int32(partition).int32(-1).int64(next).int32(-1).int64(-1).int32(wanted).tags()).tags();
  });
  return {
    key: 1,
    version: 12,
    body: out.unsigned(1).string('').tags().finish(),
    parse(answer) {
      answer.int32();
      const error = answer.int16();
      answer.int32();
      const partitions: PartitionAnswer[] = [];
      answer.array(() => {
        const topic = answer.string() as string;
        answer.array(() => {
          const partition = answer.int32();
          const failed = answer.int16();
          answer.int64();
          const stable = answer.int64();
          const start = answer.int64();
          const aborted = answer.array(() => {
            const one = { producer: answer.int64(), first: answer.int64() };
            answer.tags();
            return one;
          });
          answer.int32();
          const length = answer.bytes();
          const to = answer.pos;
          partitions.push({
            topic,
            partition,
            error: failed,
            stable,
            start,
            aborted: aborted.length === 0 ? none : aborted,
            buffer: answer.buffer,
            from: to - length,
            to,
          });
          answer.tags();
        });
        answer.tags();
      });
      return { error, partitions };
    },
  };
}
