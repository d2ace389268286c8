import type { SourcePlan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import type { Row, RowDecoder } from '@millrace/shared-schemas/types.ts';
import type { BatchView, Reader } from '@millrace/transport/log.ts';
import type { TaskTime } from '../operators/operator.ts';
import type { InputCore, WriterCore } from './core.ts';

/** What an input asks of its task. */
export interface InputHost {
  readonly time: TaskTime;
  /** the input's watermark, idleness or end changed: the task takes the least anew and fires what is due */
  moved(): void;
  /** grows whenever timers fired, since firing may overwrite a row already decoded */
  readonly fires: number;
  sourceFlaw(input: TaskInput, code: string, message: string): void;
}

/** One partition of one input log, as a task reads it: the batch in hand, and the input's part of the core. */
export abstract class TaskInput {
  readonly index: number;
  readonly reader: Reader;
  readonly core: InputCore;
  view: BatchView | null = null;
  at = 0;
  recordsIn = 0;
  protected readonly host: InputHost;
  protected readonly row: Row;
  protected readonly next: (row: Row) => void;
  protected readonly decode: RowDecoder;

  constructor(index: number, reader: Reader, core: InputCore, host: InputHost, row: Row, decode: RowDecoder, next: (row: Row) => void) {
    this.index = index;
    this.reader = reader;
    this.core = core;
    this.host = host;
    this.row = row;
    this.decode = decode;
    this.next = next;
  }

  /** what becomes of a record that cannot be decoded */
  get onError(): SourcePlan['onError'] {
    return 'dead_letter';
  }

  /** gets a batch when none is in hand; false when nothing is ready */
  fill(maxBytes: number, maxRecords?: number): boolean {
    for (;;) {
      if (this.view && this.at < this.view.count) return true;
      this.view?.release();
      this.core.base = this.reader.position;
      this.at = 0;
      this.view = this.reader.poll(maxBytes, maxRecords);
      if (this.view === null) return false;
      // behind a restored base stand records that were taken before
      while (this.at < this.view.count && (this.view.offsets[this.at] as number) < this.core.offset) this.at++;
    }
  }

  /** records ready without another poll */
  get inHand(): number {
    return this.view === null ? 0 : this.view.count - this.at;
  }

  /** event time of the record in hand; −Infinity for what has none (heartbeats, flawed records), which goes first */
  abstract headTime(): number;
  protected abstract process(i: number): void;

  /** whether the record in hand brings news of a watermark of at least `limit`, which counts before the record itself */
  brings(_limit: number): boolean {
    return false;
  }

  /** lets the watermark that the record in hand brings count, as if it had come by itself before it */
  hear(): void {}

  /** processes the record in hand */
  take(): void {
    this.process(this.#taken());
  }

  /** counts the record in hand as read and gives its index */
  #taken(): number {
    const i = this.at++;
    const view = this.view as BatchView;
    this.core.offset = (view.offsets[i] as number) + 1;
    if (this.at === view.count) this.core.base = this.reader.position;
    return i;
  }

  /** reads the record in hand as one that cannot be processed at all */
  skip(code: string, message: string): void {
    this.refuse(this.#taken(), code, message);
  }

  protected abstract refuse(i: number, code: string, message: string): void;
}

/** Settings of a source that its input needs, in plain form. */
export interface SourceSettings {
  readonly outOfOrder: number;
  readonly maxAhead: number | null;
  readonly maxRecord: number;
  /** epoch ms of a decoded row, NaN when it has none; null: the log's timestamp */
  readonly eventTime: ((row: Row) => number) | null;
  readonly onError: SourcePlan['onError'];
  /** number of this source partition over the whole plan: the lineage of its records */
  readonly origin: number;
}

/** Years 1 to 9999. */
const MIN_TIME = Date.UTC(2001, 0, 1) - 63113904000000;
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** in the stead of a flaw: no record at all */
const HEARTBEAT = { code: '', message: '' };

/** Reads a source: decodes, judges the event time, moves the watermark behind each record. */
export class SourceInput extends TaskInput {
  readonly settings: SourceSettings;
  #decodedAt = -1;
  #decodedFires = -1;
  #time = 0;
  #flaw: { code: string; message: string } | undefined;
  readonly #header = new HeaderReader();

  constructor(
    index: number,
    reader: Reader,
    core: InputCore,
    host: InputHost,
    row: Row,
    decode: RowDecoder,
    next: (row: Row) => void,
    settings: SourceSettings,
  ) {
    super(index, reader, core, host, row, decode, next);
    this.settings = settings;
  }

  override get onError(): SourcePlan['onError'] {
    return this.settings.onError;
  }

  override headTime(): number {
    this.#load(this.at);
    return this.#flaw ? Number.NEGATIVE_INFINITY : this.#time;
  }

  /** decodes record i into the row, unless it stands there already */
  #load(i: number): void {
    if (this.#decodedAt === i && this.#decodedFires === this.host.fires) return;
    const view = this.view as BatchView;
    const { settings } = this;
    const start = view.valueStart[i] as number;
    const end = view.valueEnd[i] as number;
    this.#decodedAt = i;
    this.#decodedFires = this.host.fires;
    if (end < 0) {
      // another pipeline's bridge: what it says of event time is for its analyzer
      const heartbeat = this.#header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number) && this.#header.heartbeat;
      this.#flaw = heartbeat ? HEARTBEAT : { code: 'undecodable', message: 'the record has no value' };
      return;
    }
    if (end - start > settings.maxRecord) {
      this.#flaw = { code: 'record_too_large', message: `the record is larger than max_record, ${settings.maxRecord} bytes` };
      return;
    }
    this.#flaw = this.decode(this.row, view.buffer, start, end);
    if (this.#flaw) return;
    const stamp = view.timestamps[i] as number;
    const time = settings.eventTime === null ? stamp : settings.eventTime(this.row);
    if (!(time >= MIN_TIME && time <= MAX_TIME)) {
      this.#flaw = {
        code: 'invalid_event_time',
        message: Number.isNaN(time) ? 'the record has no event time' : `event time ${time} is outside the years 1 to 9999`,
      };
    } else if (settings.maxAhead !== null && time > stamp + settings.maxAhead) {
      this.#flaw = { code: 'event_time_ahead', message: `event time ${time} is more than max_ahead (${settings.maxAhead} ms) after the log's ${stamp}` };
    }
    this.#time = time;
  }

  protected override process(i: number): void {
    this.#load(i);
    this.#decodedAt = -1;
    if (this.#flaw === HEARTBEAT) return;
    this.#begin(i);
    if (this.#flaw) {
      this.host.sourceFlaw(this, this.#flaw.code, this.#flaw.message);
      return;
    }
    const time = this.#time;
    const of = this.host.time;
    of.eventTime = time;
    of.judged = of.watermark;
    of.settled = Number.NEGATIVE_INFINITY;
    this.next(this.row);
    const { core } = this;
    if (time > core.maxTime) {
      core.maxTime = time;
      const watermark = time - this.settings.outOfOrder - 1;
      if (watermark > core.watermark) {
        core.watermark = watermark;
        this.host.moved();
      }
    }
  }

  #begin(i: number): void {
    this.recordsIn++;
    this.core.spoken = true;
    this.core.idle = false;
    this.host.time.origin = this.settings.origin;
    this.host.time.originOffset = (this.view as BatchView).offsets[i] as number;
  }

  protected override refuse(i: number, code: string, message: string): void {
    this.#decodedAt = -1;
    this.#begin(i);
    this.host.sourceFlaw(this, code, message);
  }
}

/** Reads an exchange: follows each writer's numbering and watermark; the least of the writers that are not idle is the input's. */
export class ExchangeInput extends TaskInput {
  readonly #header: HeaderReader;

  constructor(index: number, reader: Reader, core: InputCore, host: InputHost, row: Row, decode: RowDecoder, next: (row: Row) => void, header: HeaderReader) {
    super(index, reader, core, host, row, decode, next);
    this.#header = header;
  }

  #read(i: number): HeaderReader {
    const view = this.view as BatchView;
    if (!this.#header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)) {
      throw new MillraceError('lost_tail', `${this.core.name} holds a record at offset ${view.offsets[i]} that millrace did not write`);
    }
    return this.#header;
  }

  override headTime(): number {
    const header = this.#read(this.at);
    return header.heartbeat ? Number.NEGATIVE_INFINITY : header.eventTime;
  }

  #writer(number: number): WriterCore {
    const found = this.core.writers.find((writer) => writer.writer === number);
    if (!found) throw new MillraceError('lost_tail', `${this.core.name} holds records of writer ${number}, which does not write it`);
    return found;
  }

  override brings(limit: number): boolean {
    const { heartbeat, watermark, writer } = this.#read(this.at);
    return !heartbeat && watermark >= limit && watermark > this.#writer(writer).watermark;
  }

  override hear(): void {
    const header = this.#read(this.at);
    this.#speaks(this.#writer(header.writer), header.watermark);
  }

  /** a record of it is there */
  #speaks(writer: WriterCore, watermark: number): void {
    this.core.spoken = true;
    writer.ended = 0;
    writer.idle = false;
    this.#heard(writer, watermark);
  }

  protected override process(i: number): void {
    if (!this.#accept(i)) return;
    const view = this.view as BatchView;
    const flaw = this.decode(this.row, view.buffer, view.valueStart[i] as number, view.valueEnd[i] as number);
    if (flaw) throw new MillraceError('lost_tail', `${this.core.name} offset ${view.offsets[i]}: ${flaw.message}`);
    this.next(this.row);
  }

  /** Follows a record's header: numbering, watermark, cause. False for what is no record, or was read before. */
  #accept(i: number): boolean {
    const header = this.#read(i);
    const writer = this.#writer(header.writer);
    if (header.heartbeat) {
      if (header.seq !== writer.seq) this.#gap(writer, header.seq);
      // an end says nothing of idleness
      if (header.kind !== 'end') writer.idle = header.kind === 'idle';
      writer.ended = header.kind === 'end' ? header.run : 0;
      this.#heard(writer, header.watermark);
      return false;
    }
    if (header.seq <= writer.seq) return false;
    if (header.seq !== writer.seq + 1) this.#gap(writer, header.seq);
    const { eventTime, judged, origin, originOffset } = header;
    this.recordsIn++;
    writer.seq = header.seq;
    this.#speaks(writer, header.watermark);
    const { time } = this.host;
    time.eventTime = eventTime;
    // the task may be ahead of a writer that was idle
    time.judged = Math.max(judged, time.watermark);
    time.settled = this.core.writers.length > 1 ? time.judged + 1 : Number.NEGATIVE_INFINITY;
    time.origin = origin;
    time.originOffset = originOffset;
    return true;
  }

  #gap(writer: WriterCore, seq: number): never {
    throw new MillraceError('lost_tail', `${this.core.name}: writer ${writer.writer} goes on at ${seq} where ${writer.seq + 1} was due`);
  }

  #heard(writer: WriterCore, watermark: number): void {
    const { core } = this;
    if (watermark > writer.watermark) writer.watermark = watermark;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    let active = false;
    let ended = true;
    for (const w of core.writers) {
      if (w.ended === 0) ended = false;
      if (w.idle) most = Math.max(most, w.watermark);
      // one that has ended holds the rest at its own watermark: the end is of this run, and a later run may go on there
      if (w.idle || (w.ended > 0 && w.watermark === Number.NEGATIVE_INFINITY)) continue;
      active = true;
      if (w.watermark < least) least = w.watermark;
    }
    const idle = !active && !ended;
    // with all idle there is nothing to wait for, whichever fell silent last
    const reached = active ? least : idle ? most : core.watermark;
    const moved = reached > core.watermark || idle !== core.idle;
    core.idle = idle;
    if (reached > core.watermark) core.watermark = reached;
    if (moved) this.host.moved();
  }

  /** every writer has said that the run is over */
  get writersEnded(): boolean {
    return this.core.writers.every((writer) => writer.ended > 0);
  }

  protected override refuse(i: number, code: string, message: string): void {
    if (this.#accept(i)) this.host.sourceFlaw(this, code, message);
  }
}
