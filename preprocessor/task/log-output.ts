import { encodeHeaderOf, encodeHeartbeat, type HeartbeatKind, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import { type KeyWriter, writeKey } from '@millrace/shared-schemas/keys.ts';
import { partitionOf } from '@millrace/shared-schemas/murmur2.ts';
import { FlawError, type Row, type RowEncoder } from '@millrace/shared-schemas/types.ts';
import type { Appender } from '@millrace/transport/log.ts';
import type { TaskTime } from '../operators/operator.ts';
import type { OutputCore } from './core.ts';
import type { Left } from './left.ts';

/** What all outputs of a task share. */
export interface OutputHost {
  readonly time: TaskTime;
  /** the task's number among writers */
  readonly writer: number;
  /** this task's number, where records without a key go */
  readonly task: number;
  /** wall clock of the batch, epoch ms: a record's log timestamp, never its event time */
  readonly wall: () => number;
}

/** Numbers, stamps and appends what one task writes to one topic or exchange. */
export class LogOutput {
  readonly #out: Appender;
  readonly #host: OutputHost;
  readonly #core: OutputCore;
  readonly #encode: RowEncoder;
  readonly #key: KeyWriter | null;
  readonly #header = Buffer.alloc(MAX_HEADER);
  /** the watermark each partition's readers know of, and what else they were told */
  readonly #told: Float64Array;
  readonly #toldIdle: boolean[];
  readonly #left: Left;
  #keyBuffer = Buffer.alloc(256);
  /** where records are made that do not leave again */
  #again: Buffer | null = null;
  #written = 0;

  /** `left`: what of this writer stands in the topic already */
  constructor(host: OutputHost, core: OutputCore, appender: Appender, left: Left, encode: RowEncoder, key: KeyWriter | null) {
    this.#host = host;
    this.#core = core;
    this.#out = appender;
    this.#left = left;
    this.#encode = encode;
    this.#key = key;
    this.#told = new Float64Array(appender.partitions).fill(Number.NEGATIVE_INFINITY);
    this.#toldIdle = new Array<boolean>(appender.partitions).fill(false);
    while (core.seqs.length < appender.partitions) core.seqs.push(0);
  }

  get appender(): Appender {
    return this.#out;
  }

  /** records that had left are still to be made again */
  get behind(): boolean {
    return this.#left.exceeds(this.#core.seqs);
  }

  /** the furthest event time that readers were told of before this task went on */
  get toldBefore(): number {
    return this.#left.watermark;
  }

  /** records written since the last call, for the statistics */
  drainCount(): number {
    const written = this.#written;
    this.#written = 0;
    return written;
  }

  /** Throws `FlawError` (null_key, value_out_of_range …) having written nothing. */
  write(row: Row): void {
    let partition = this.#host.task % this.#out.partitions;
    let keyEnd = -1;
    if (this.#key) {
      const text = this.#key.text(row);
      if (text === null) throw new FlawError('null_key', 'a key column is NULL');
      keyEnd = this.#writeKey(text);
      partition = partitionOf(this.#keyBuffer, 0, keyEnd, this.#out.partitions);
    }
    if ((this.#core.seqs[partition] as number) < (this.#left.seqs[partition] as number)) {
      this.#makeAgain(row, partition);
      return;
    }
    const out = this.#out;
    let pos = out.begin(partition, this.#host.wall(), this.#keyBuffer, 0, keyEnd);
    try {
      let end = this.#encode(row, out.buffer, pos);
      while (end < 0) {
        pos = out.grow();
        end = this.#encode(row, out.buffer, pos);
      }
      this.#end(partition, end);
    } catch (error) {
      out.abandon();
      throw error;
    }
  }

  /** Numbers and counts a record that had left before, with the same flaws as ever. What its readers were told then is forgotten. */
  #makeAgain(row: Row, partition: number): void {
    this.#again ??= Buffer.allocUnsafe(64 * 1024);
    while (this.#encode(row, this.#again, 0) < 0) this.#again = Buffer.allocUnsafe(this.#again.length * 2);
    this.#core.seqs[partition] = (this.#core.seqs[partition] as number) + 1;
    this.#written++;
  }

  #writeKey(text: string): number {
    if (text.length * 3 > this.#keyBuffer.length) this.#keyBuffer = Buffer.alloc(text.length * 4);
    return writeKey(text, this.#keyBuffer);
  }

  #end(partition: number, valueEnd: number): void {
    const { time, writer } = this.#host;
    const seq = (this.#core.seqs[partition] as number) + 1;
    this.#core.seqs[partition] = seq;
    const { buffer } = this.#out;
    // where it belongs, behind the value, unless there is no room
    const inPlace = buffer.length - valueEnd >= MAX_HEADER;
    const block = inPlace ? buffer : this.#header;
    const start = inPlace ? valueEnd : 0;
    this.#out.end(valueEnd, block, start, encodeHeaderOf(writer, seq, time, block, start));
    if (time.watermark > (this.#told[partition] as number)) this.#told[partition] = time.watermark;
    this.#toldIdle[partition] = false;
    this.#written++;
  }

  /** tells every partition that does not know it yet how far the task's event time is; heartbeats take no number */
  heartbeats(idle: boolean): void {
    const { watermark } = this.#host.time;
    for (let p = 0; p < this.#out.partitions; p++) {
      const later = watermark > (this.#told[p] as number);
      if (!later && idle === this.#toldIdle[p]) continue;
      this.#heartbeat(p, idle ? 'idle' : 'watermark', 0);
      this.#told[p] = watermark;
      this.#toldIdle[p] = idle;
    }
  }

  /** tells every partition that was not told before that this writer has ended run `run` */
  end(run: number): void {
    for (let p = 0; p < this.#out.partitions; p++) if (run > (this.#left.runs[p] as number)) this.#heartbeat(p, 'end', run);
    this.#told.fill(this.#host.time.watermark);
  }

  #heartbeat(partition: number, kind: HeartbeatKind, run: number): void {
    const { writer, time } = this.#host;
    const end = encodeHeartbeat({ kind, writer, seq: this.#core.seqs[partition] as number, watermark: time.watermark, run }, this.#header, 0);
    this.#out.null(partition, this.#host.wall(), this.#keyBuffer, 0, -1, this.#header, 0, end);
  }
}
