import type { AnalyzeSourcePlan } from '@millrace/pipeline/analyze/plan.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import type { Row, RowDecoder } from '@millrace/shared-schemas/types.ts';
import type { BatchView, Reader } from '@millrace/transport/log.ts';
import type { InHand } from '../in-hand.ts';
import type { WriterMark } from './completeness.ts';
import { WriterMarks } from './writer-marks.ts';

const MAX_BYTES = 1 << 20;

/** Years 1 to 9999. */
const MIN_TIME = Date.UTC(2001, 0, 1) - 63113904000000;
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Where a reader stands in one partition: the next record's offset and what it knows of the writers. */
export interface PartitionCore {
  offset: number;
  writers: WriterMark[];
}

export interface PartitionParts {
  readonly plan: AnalyzeSourcePlan;
  readonly partition: number;
  /** number of this partition among those of all sources, for the lineage of its rows */
  readonly origin: number;
  readonly core: PartitionCore;
  readonly reader: Reader;
  readonly decode: RowDecoder;
  /** epoch ms of a decoded row of a foreign topic; null: the log's timestamp */
  readonly eventTime: ((row: Row) => number) | null;
  readonly row: Row;
  readonly inHand: InHand;
  readonly next: (row: Row) => void;
  readonly flaw: (code: string, message: string) => void;
}

/** Reads one partition of a source, a range a batch, and pushes each record on as a row. */
export class PartitionReader {
  readonly #parts: PartitionParts;
  readonly #marks: WriterMarks;
  readonly #header = new HeaderReader();
  readonly #bridge: boolean;

  constructor(parts: PartitionParts) {
    this.#parts = parts;
    this.#marks = new WriterMarks(`${parts.plan.topic}/${parts.partition}`, parts.core.writers);
    this.#bridge = parts.plan.output !== null;
  }

  /** Takes the records up to the offset `to`, as far as they are at hand; gives how many there were, heartbeats and repeats not among them. */
  read(to: number): number {
    const { core, reader } = this.#parts;
    let taken = 0;
    if (core.offset >= to) return taken;
    reader.limit({ offset: to });
    if (reader.position.offset !== core.offset) reader.seek({ offset: core.offset });
    while (core.offset < to) {
      const view = reader.poll(MAX_BYTES);
      if (view === null) {
        // what is left of the range holds no records
        if (reader.reached({ offset: to })) core.offset = to;
        break;
      }
      for (let i = 0; i < view.count; i++) {
        core.offset = (view.offsets[i] as number) + 1;
        if (this.#take(view, i)) taken++;
      }
      view.release();
    }
    return taken;
  }

  #take(view: BatchView, i: number): boolean {
    const { inHand, origin, row } = this.#parts;
    const header = this.#header;
    const ours = header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number);
    const end = view.valueEnd[i] as number;
    if (ours && this.#bridge) {
      if (!this.#marks.accept(header)) return false;
    } else if (ours && header.heartbeat) return false;
    inHand.origin = origin;
    inHand.offset = view.offsets[i] as number;
    inHand.eventTime = ours && this.#bridge ? header.eventTime : (view.timestamps[i] as number);
    inHand.judged = ours && this.#bridge ? header.judged : Number.NEGATIVE_INFINITY;
    const flaw =
      end < 0 ? { code: 'undecodable', message: 'the record has no value' } : this.#parts.decode(row, view.buffer, view.valueStart[i] as number, end);
    if (flaw) this.#parts.flaw(flaw.code, flaw.message);
    else if (this.#timed(row)) this.#parts.next(row);
    return true;
  }

  #timed(row: Row): boolean {
    const { eventTime, inHand } = this.#parts;
    if (eventTime === null) return true;
    const time = eventTime(row);
    inHand.eventTime = time;
    if (time >= MIN_TIME && time <= MAX_TIME) return true;
    this.#parts.flaw('invalid_event_time', Number.isNaN(time) ? 'the record has no event time' : `event time ${time} is outside the years 1 to 9999`);
    return false;
  }

  /** where the partition ends, as far as is known here */
  get end(): number {
    return this.#parts.reader.end().offset;
  }

  close(): void {
    this.#parts.reader.close();
  }
}
