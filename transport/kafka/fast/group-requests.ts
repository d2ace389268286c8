import { type Decoder, Encoder } from './bytes.ts';
import type { Coordinator, Request } from './requests.ts';

/** Who keeps this consumer group. */
export function findGroup(group: string): Request<Coordinator> {
  return {
    key: 10,
    version: 3,
    body: new Encoder().string(group).int8(0).tags().finish(),
    parse(answer) {
      answer.int32();
      return { error: answer.int16(), said: answer.string(), node: answer.int32(), host: answer.string() as string, port: answer.int32() };
    },
  };
}

/** A member as its coordinator knows it. */
export interface Member {
  readonly group: string;
  readonly generation: number;
  /** empty before the coordinator has given one */
  readonly id: string;
  /** of a static member: its name over restarts */
  readonly instance: string | null;
}

/** What the members of a group have in common: the kind of protocol, and the one way to assign that they all know. */
export interface Protocol {
  readonly type: string;
  readonly name: string;
}

export interface Joined {
  readonly error: number;
  readonly generation: number;
  readonly leader: string;
  readonly id: string;
  /** all members and what they said at joining; empty for those who do not lead */
  readonly members: readonly { readonly id: string; readonly metadata: Buffer }[];
}

/** the bytes behind their length */
function bytesOf(answer: Decoder): Buffer {
  const length = answer.bytes();
  return answer.buffer.subarray(answer.pos - length, answer.pos);
}

/** Asks to be in the next generation. The answer comes when all others have asked too, or are out. `session` and `rebalance`: ms. */
export function joinGroup(member: Member, protocol: Protocol, metadata: Buffer, session: number, rebalance: number): Request<Joined> {
  const out = new Encoder();
  out.string(member.group).int32(session).int32(rebalance).string(member.id).string(member.instance).string(protocol.type);
  out.array([protocol.name], (name) => out.string(name).bytes(metadata).tags());
  return {
    key: 11,
    version: 7,
    body: out.tags().finish(),
    parse(answer) {
      answer.int32();
      const error = answer.int16();
      const generation = answer.int32();
      answer.string();
      answer.string();
      const leader = answer.string() ?? '';
      const id = answer.string() ?? '';
      const members = answer.array(() => {
        const one = { id: answer.string() ?? '', instance: answer.string(), metadata: bytesOf(answer) };
        answer.tags();
        return one;
      });
      return { error, generation, leader, id, members };
    },
  };
}

interface Synced {
  readonly error: number;
  readonly assignment: Buffer;
}

/** Asks for the own assignment; the leader brings everybody's. */
export function syncGroup(member: Member, protocol: Protocol, assignments: ReadonlyMap<string, Buffer>): Request<Synced> {
  const out = new Encoder();
  out.string(member.group).int32(member.generation).string(member.id).string(member.instance).string(protocol.type).string(protocol.name);
  out.array([...assignments], ([id, assignment]) => out.string(id).bytes(assignment).tags());
  return {
    key: 14,
    version: 5,
    body: out.tags().finish(),
    parse(answer) {
      answer.int32();
      const error = answer.int16();
      answer.string();
      answer.string();
      return { error, assignment: bytesOf(answer) };
    },
  };
}

/** Says that the member lives; gives Kafka's error code. */
export function heartbeat({ group, generation, id, instance }: Member): Request<number> {
  return {
    key: 12,
    version: 4,
    body: new Encoder().string(group).int32(generation).string(id).string(instance).tags().finish(),
    parse(answer) {
      answer.int32();
      return answer.int16();
    },
  };
}

/** Takes the member out of the group; gives Kafka's error code. */
export function leaveGroup({ group, id, instance }: Member): Request<number> {
  const out = new Encoder().string(group);
  return {
    key: 13,
    version: 4,
    body: out
      .array([id], (one) => out.string(one).string(instance).tags())
      .tags()
      .finish(),
    parse(answer) {
      answer.int32();
      const error = answer.int16();
      const [one = 0] = answer.array(() => {
        answer.string();
        answer.string();
        const refused = answer.int16();
        answer.tags();
        return refused;
      });
      return error === 0 ? one : error;
    },
  };
}

/** Keeps offsets of the next records (topic → partition → offset) in the group's name; gives the first of Kafka's error codes that is none of 0. */
export function commitOffsets({ group, generation, id, instance }: Member, positions: ReadonlyMap<string, ReadonlyMap<number, number>>): Request<number> {
  const out = new Encoder();
  out.string(group).int32(generation).string(id).string(instance);
  out.array([...positions], ([topic, offsets]) => {
    out.string(topic);
    out.array([...offsets], ([partition, offset]) => out.int32(partition).int64(offset).int32(-1).string(null).tags()).tags();
  });
  return {
    key: 8,
    version: 8,
    body: out.tags().finish(),
    parse(answer) {
      answer.int32();
      const found = answer.array(() => {
        answer.string();
        const errors = answer.array(() => {
          answer.int32();
          const error = answer.int16();
          answer.tags();
          return error;
        });
        answer.tags();
        return errors;
      });
      return found.flat().find((error) => error !== 0) ?? 0;
    },
  };
}
