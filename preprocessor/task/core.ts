import type { Position } from '@millrace/transport/log.ts';

/**
 * All that a task must find again besides its operators' state: how far it read, what it knows of time, what it numbered.
 * Plain data; `encodeCore` gives the same bytes for the same core, so a replay can be held against what was committed.
 */
export interface TaskCore {
  /** number of the run the task is in, and whether its end has been marked */
  run: number;
  ended: boolean;
  /** epoch ms; −Infinity before the first */
  watermark: number;
  inputs: InputCore[];
  /** by output id */
  outputs: Record<string, OutputCore>;
  /** by table, the name of the version in force */
  tables: Record<string, string>;
  /** content hash of each model in force */
  models: Record<string, string>;
  /** the first watermark, epoch ms; −Infinity before it. Training boundaries count from the first behind it */
  born: number;
}

export interface InputCore {
  /** the log it reads, as `source/partition` or `exchange topic/partition` */
  name: string;
  /** one behind the last record taken */
  offset: number;
  /** a place at or before it that the reader can seek to: where the batch in hand began */
  base: Position;
  /** it is known to have held a record, taken or not */
  spoken: boolean;
  idle: boolean;
  ended: boolean;
  watermark: number;
  maxTime: number;
  writers: WriterCore[];
}

/** What a reader knows of one writer of an exchange. `seq` is its mark. */
export interface WriterCore {
  writer: number;
  seq: number;
  watermark: number;
  idle: boolean;
  /** the run whose end it told of last, with nothing since; 0: none */
  ended: number;
}

export interface OutputCore {
  /** last seq by partition, of a topic or exchange */
  seqs: number[];
  /** bytes committed, of a file */
  length: number;
}

/** JSON has no infinities. */
function time(_: string, value: unknown): unknown {
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  return value === Number.POSITIVE_INFINITY ? '+inf' : value;
}

function untime(_: string, value: unknown): unknown {
  if (value === '-inf') return Number.NEGATIVE_INFINITY;
  return value === '+inf' ? Number.POSITIVE_INFINITY : value;
}

export function encodeCore(core: TaskCore): Uint8Array {
  return Buffer.from(JSON.stringify(core, time));
}

export function decodeCore(bytes: Uint8Array): TaskCore {
  const core = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(), untime) as TaskCore;
  // what was written before there were models
  core.models ??= {};
  core.born ??= core.watermark;
  // what was written when an end did not say of which run
  for (const { writers } of core.inputs) for (const writer of writers) if (typeof writer.ended === 'boolean') writer.ended = writer.ended ? core.run : 0;
  return core;
}

/** What must come out equal when a journal is replayed: all but where the fetches happened to be cut. */
export function sameCore(a: TaskCore, b: TaskCore): boolean {
  const plain = (core: TaskCore): string => JSON.stringify({ ...core, inputs: core.inputs.map((input) => ({ ...input, base: null })) }, time);
  return plain(a) === plain(b);
}
