import type { AnalyzeSourcePlan } from '@millrace/pipeline/analyze/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { avroDecoder, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { eventTimeOf } from '@millrace/shared-schemas/event-time.ts';
import { jsonDecoder } from '@millrace/shared-schemas/json/decoder.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { Row, RowDecoder } from '@millrace/shared-schemas/types.ts';
import type { Log, Reader } from '@millrace/transport/log.ts';
import { SchemaReader } from '@millrace/transport/schemareader.ts';
import type { InHand } from '../in-hand.ts';
import { completenessOf } from './completeness.ts';
import { type PartitionCore, PartitionReader } from './partition.ts';

/** how long an append is waited for before looking again, ms */
const WAIT_MS = 100;

/** Where a source stands: saved with every batch. */
export interface SourceCore {
  partitions: PartitionCore[];
  /** epoch ms up to which a bridge's records are all there; −Infinity before that is known */
  completeness: number;
}

export function freshSource(): SourceCore {
  return { partitions: [], completeness: Number.NEGATIVE_INFINITY };
}

/** The offsets [from, to) of each partition. */
export type Range = readonly (readonly [from: number, to: number])[];

/** What reading takes besides the plan. */
export interface SourceHost {
  readonly log: Log;
  readonly registry: SchemaRegistry;
  readonly inHand: InHand;
  readonly row: Row;
  readonly next: (row: Row) => void;
  /** the record in hand cannot be read */
  readonly flaw: (code: string, message: string) => void;
}

/** One source of the analyzer: a topic, read a range of offsets a batch. */
export class Source {
  readonly plan: AnalyzeSourcePlan;
  readonly core: SourceCore;
  /** number of its first partition among those of all sources */
  readonly firstOrigin: number;
  readonly #log: Log;
  readonly #lookups = new Map<number, Reader>();
  readonly #partitions: readonly PartitionReader[];

  /** A partition that is new to it is read from where it begins now. */
  static async open(plan: AnalyzeSourcePlan, core: SourceCore, firstOrigin: number, host: SourceHost): Promise<Source> {
    const { topic } = plan;
    const count = host.log.topic(topic)?.partitions ?? 0;
    for (let p = core.partitions.length; p < count; p++) core.partitions.push({ offset: await host.log.startOffset(topic, p), writers: [] });
    return new Source(plan, core, firstOrigin, host);
  }

  private constructor(plan: AnalyzeSourcePlan, core: SourceCore, firstOrigin: number, host: SourceHost) {
    this.plan = plan;
    this.core = core;
    this.firstOrigin = firstOrigin;
    this.#log = host.log;
    const { topic, eventTime } = plan;
    const decode = decoderOf(plan, host.registry);
    this.#partitions = core.partitions.map((partition, p) => {
      const records = host.log.reader(topic, p, { offset: partition.offset });
      // a schema that has come is seen at the next look
      const reader = plan.format === 'avro' ? new SchemaReader(records, host.registry) : records;
      const { inHand, row, next, flaw } = host;
      return new PartitionReader({
        plan,
        partition: p,
        origin: firstOrigin + p,
        core: partition,
        reader,
        decode,
        eventTime: eventTime && eventTimeOf(eventTime.slot, eventTime.type),
        row,
        inHand,
        next,
        flaw,
      });
    });
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  /** where each partition is read to */
  positions(): number[] {
    return this.core.partitions.map(({ offset }) => offset);
  }

  /** where each partition ends now. @throws MillraceError log_too_short: before what was read of it */
  ends(): Promise<number[]> {
    const { topic } = this.plan;
    return Promise.all(
      this.positions().map(async (read, p) => {
        const end = await this.#log.endOffset(topic, p);
        if (end < read) throw new MillraceError('log_too_short', `${topic}/${p} ends at offset ${end}, but was read up to ${read} before.`);
        return end;
      }),
    );
  }

  /** the same as far as is known here, with nobody asked: for reports */
  knownEnds(): number[] {
    return this.#partitions.map(({ end }, p) => (Number.isFinite(end) ? end : (this.core.partitions[p] as PartitionCore).offset));
  }

  /** the writers of a bridge as its topic lists them now; null: not a bridge, or not listed yet */
  async writers(): Promise<number[] | null> {
    if (this.plan.output === null) return null;
    // not `topic`: a broker's may be as old as this process
    const text = (await this.#log.ensure(this.plan.topic, this.partitions)).meta['writers'];
    return text === undefined ? null : (JSON.parse(text) as number[]);
  }

  /** Pushes the records of the range on, partition by partition, and gives how many there were. `writers`: as listed when the batch was planned. */
  async read(range: Range, writers: readonly number[] | null): Promise<number> {
    let taken = 0;
    for (const [p, [, to]] of range.entries()) taken += await this.#readPartition(p, to);
    this.complete(writers);
    return taken;
  }

  /** A partition was read elsewhere, and stands there now. */
  moved(p: number, { offset, writers }: PartitionCore): void {
    const partition = this.core.partitions[p] as PartitionCore;
    partition.offset = offset;
    // its reader holds the array
    partition.writers.splice(0, partition.writers.length, ...writers);
  }

  /** The batch's records are in. */
  complete(writers: readonly number[] | null): void {
    const { core } = this;
    core.completeness = completenessOf(
      core.partitions.map((partition) => partition.writers),
      writers,
      core.completeness,
    );
  }

  /** What a broker has and has not sent yet is waited for. */
  async #readPartition(p: number, to: number): Promise<number> {
    const partition = this.#partitions[p] as PartitionReader;
    const { topic } = this.plan;
    let taken = 0;
    for (;;) {
      const since = this.#log.version();
      taken += partition.read(to);
      const { offset } = this.core.partitions[p] as PartitionCore;
      if (offset >= to) return taken;
      if ((await this.#log.endOffset(topic, p)) < to)
        throw new MillraceError('log_too_short', `${topic}/${p} ends at offset ${offset}, but was seen to reach ${to} before.`);
      await this.#log.wait(WAIT_MS, since);
    }
  }

  /** the time up to which all records are there; null for a foreign topic: nobody says */
  get completeness(): number | null {
    return this.plan.output === null ? null : this.core.completeness;
  }

  /** An earlier record, for its dead letter. Through a reader a partition that stays open: a batch of nothing but dead letters asks thousands of times. */
  lookup(partition: number, offset: number): ReturnType<Reader['lookup']> {
    let reader = this.#lookups.get(partition);
    if (!reader) {
      reader = this.#log.reader(this.plan.topic, partition, { offset });
      this.#lookups.set(partition, reader);
    }
    return reader.lookup(offset);
  }

  close(): void {
    for (const partition of this.#partitions) partition.close();
    for (const reader of this.#lookups.values()) reader.close();
    this.#lookups.clear();
  }
}

/** Of a source's records. */
export function decoderOf(plan: AnalyzeSourcePlan, registry: SchemaRegistry): RowDecoder {
  const schema = parseSchema(plan.schema);
  const slots = Object.fromEntries(plan.columns.map((column) => [column.name, column.slot]));
  if (plan.format === 'json') return jsonDecoder(schema, slots);
  return avroDecoder(schema, slots, { framing: 'confluent', writerSchema: (id) => registry.byId(id) });
}
