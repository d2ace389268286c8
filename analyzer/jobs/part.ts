import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { decodeWord, encodeWord } from '../batch/words.ts';
import type { PartitionCore } from '../sources/partition.ts';

/** What one child of a batch has to do, and everything that decides what it gives. */
export interface PartJob {
  /** of `AnalyzePlan` */
  readonly plan: string;
  readonly batch: number;
  readonly source: string;
  readonly partition: number;
  /** number of the partition among those of all sources */
  readonly origin: number;
  /** up to this offset */
  readonly to: number;
  /** where the batch before left the partition, and what it knew of its writers */
  readonly core: PartitionCore;
  /** by aggregate query: the watermark that rows are late by */
  readonly late: Readonly<Record<string, number>>;
  /** hash of the model in force, by name */
  readonly models: Readonly<Record<string, string | null>>;
}

/** What it gives. */
export interface Part {
  readonly core: PartitionCore;
  /** records read */
  readonly taken: number;
  /** records dropped by `on_error: drop` */
  readonly dropped: number;
  /** of the rows' event times: how many, their sum, least and greatest */
  readonly times: readonly [count: number, sum: number, min: number, max: number];
  readonly tape: Uint8Array;
  /** by aggregate query: what `QueryParts.take` gave */
  readonly aggregates: ReadonlyMap<string, Uint8Array>;
}

export function encodeJob(job: PartJob): string {
  return Buffer.from(encodeWord(job)).toString();
}

export function decodeJob(text: string): PartJob {
  return decodeWord<PartJob>(Buffer.from(text));
}

/** The same exactly when the part is. */
export function partName(job: PartJob): string {
  return `${encodeURIComponent(job.source)}.${job.partition}.${createHash('sha256').update(encodeJob(job)).digest('hex').slice(0, 32)}`;
}

export function encodePart({ core, taken, dropped, times, tape, aggregates }: Part): Uint8Array {
  const bytes = new ByteWriter(tape.length + 1024);
  bytes.bytes(encodeWord(core));
  bytes.varint(taken);
  bytes.varint(dropped);
  for (const time of times) bytes.f64(time);
  bytes.bytes(tape);
  bytes.varint(aggregates.size);
  for (const [query, part] of aggregates) {
    bytes.text(query);
    bytes.bytes(part);
  }
  return bytes.finish();
}

export function decodePart(part: Uint8Array): Part {
  const bytes = new ByteReader(part);
  return {
    core: decodeWord<PartitionCore>(bytes.bytes()),
    taken: bytes.varint(),
    dropped: bytes.varint(),
    times: [bytes.f64(), bytes.f64(), bytes.f64(), bytes.f64()],
    tape: bytes.bytes(),
    aggregates: new Map(Array.from({ length: bytes.varint() }, () => [bytes.text(), bytes.bytes()] as const)),
  };
}
