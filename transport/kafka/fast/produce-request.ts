import { Encoder } from './bytes.ts';
import type { Request } from './requests.ts';

/** A batch for a partition. A request has one at most of each. */
export interface Sent {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

export interface Acknowledged {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  /** of the first record; −1 with an error */
  readonly offset: number;
  readonly said: string | null;
}

const ALL = -1;

export function produce(transactionalId: string | null, timeout: number, sent: readonly Sent[]): Request<Acknowledged[]> {
  const out = new Encoder(64 + sent.length * 32);
  out.string(transactionalId).int16(ALL).int32(timeout);
  out.array([...Map.groupBy(sent, ({ topic }) => topic)], ([topic, mine]) => {
    out.string(topic);
    out.array(mine, ({ partition, bytes }) => out.int32(partition).bytes(bytes).tags()).tags();
  });
  return {
    key: 0,
    version: 9,
    body: out.tags().finish(),
    parse(answer) {
      return answer
        .array(() => {
          const topic = answer.string() as string;
          const partitions = answer.array(() => {
            const partition = answer.int32();
            const error = answer.int16();
            const offset = answer.int64();
            answer.pos += 16;
            answer.array(() => {
              answer.int32();
              answer.string();
              answer.tags();
            });
            const said = answer.string();
            answer.tags();
            return { topic, partition, error, offset, said };
          });
          answer.tags();
          return partitions;
        })
        .flat();
    },
  };
}
