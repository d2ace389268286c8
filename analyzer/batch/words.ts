import type { Identities } from '@millrace/transport/identities.ts';
import type { SinkCore } from '../sinks/sink.ts';
import type { Range, SourceCore } from '../sources/source.ts';

/** `offsets/N`: what batch N is, decided before any of it is done. A rerun is the same batch. */
export interface OffsetsWord {
  readonly batch: number;
  /** wall clock, epoch ms: the log timestamp of what it writes */
  readonly timestamp: number;
  /** `no_data`: only to let go what a watermark has closed; `end`: the end of a run, which closes everything */
  readonly kind: 'data' | 'no_data' | 'end';
  /** by source id */
  readonly ranges: Readonly<Record<string, Range>>;
  /** the writers each bridge lists */
  readonly writers: Readonly<Record<string, readonly number[] | null>>;
  /** hash of the model in force, by name */
  readonly models: Readonly<Record<string, string | null>>;
}

/** What is left of the analyzer after batch `batch`, besides the queries' states: saved with them in one atom, before any sink sees the batch. */
export interface Core {
  batch: number;
  sources: Record<string, SourceCore>;
  sinks: Record<string, SinkCore>;
  deadLetters: SinkCore;
  decisions: SinkCore;
}

/** `commits/N`: every sink has batch N. */
export interface CommitWord {
  readonly batch: number;
  /** the watermark of each query in the next batch; null before the first */
  readonly watermarks: Readonly<Record<string, number | null>>;
}

/** A run to the end of its input: where each source ends in it, null while the record stage has not ended. */
export interface RunWord {
  readonly run: number;
  readonly ends: Readonly<Record<string, readonly number[] | null>>;
  readonly finished: boolean;
}

/** Who hands out the batches of this checkpoint. */
export interface JobsWord {
  /** of the checkpoint, for ever */
  readonly identity: string;
  /** 1, 2, 3 …: one more with every coordinator */
  readonly epoch: number;
}

/** Under which plan the checkpoint stands. */
export interface Metadata {
  readonly planHash: string;
  /** by query id: what decides its state */
  readonly states: Readonly<Record<string, string>>;
  /** of the sources; absent in words of earlier releases */
  readonly identities?: Identities;
}

/** under which name training's state is saved: no query can be called so */
export const TRAINING = '!training';

export function freshCore(): Core {
  return { batch: -1, sources: {}, sinks: {}, deadLetters: { seqs: [], length: 0 }, decisions: { seqs: [], length: 0 } };
}

/** JSON has no infinities. */
export function encodeWord(word: object): Uint8Array {
  return Buffer.from(
    JSON.stringify(word, (_, value: unknown) => (value === Number.NEGATIVE_INFINITY ? '-inf' : value === Number.POSITIVE_INFINITY ? '+inf' : value)),
  );
}

export function decodeWord<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString(), (_, value: unknown) =>
    value === '-inf' ? Number.NEGATIVE_INFINITY : value === '+inf' ? Number.POSITIVE_INFINITY : value,
  ) as T;
}
