import type { TopicSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { encodeHeader, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import { type KeyWriter, keyWriter } from '@millrace/shared-schemas/keys.ts';
import { partitionOf } from '@millrace/shared-schemas/murmur2.ts';
import { topicEncoder } from '@millrace/shared-schemas/output-encoder.ts';
import { FlawError, type Row, type RowEncoder } from '@millrace/shared-schemas/types.ts';
import type { Appender } from '@millrace/transport/log.ts';
import { ANALYZER_WRITER } from '../writer.ts';
import { appendBlock, RecordBlock } from './record-block.ts';
import type { Sink, SinkCore, SinkHost } from './sink.ts';

/** Writes to a topic of the pipeline's own log, with the numbers all records of millrace carry. Without a key everything goes to partition 0. */
export class TopicSink implements Sink {
  readonly #host: SinkHost;
  readonly #core: SinkCore;
  readonly #appender: Appender;
  readonly #encode: RowEncoder;
  readonly #key: KeyWriter | null;
  readonly #block = new RecordBlock();
  readonly #header = Buffer.alloc(MAX_HEADER);
  #value = Buffer.allocUnsafe(64 * 1024);

  constructor(plan: TopicSinkPlan, host: SinkHost, core: SinkCore, appender: Appender, schemaId: number | undefined) {
    this.#host = host;
    this.#core = core;
    this.#appender = appender;
    this.#encode = topicEncoder(plan, schemaId);
    this.#key = plan.key && keyWriter(plan.key);
    while (core.seqs.length < appender.partitions) core.seqs.push(0);
  }

  get pending(): number {
    return this.#block.pending;
  }

  add(row: Row, eventTime: number): void {
    let key: Buffer | null = null;
    let partition = 0;
    if (this.#key) {
      const text = this.#key.text(row);
      if (text === null) throw new FlawError('null_key', 'a key column is NULL');
      key = Buffer.from(text);
      partition = partitionOf(key, 0, key.length, this.#appender.partitions);
    }
    let end = this.#encode(row, this.#value, 0);
    while (end < 0) {
      this.#value = Buffer.allocUnsafe(this.#value.length * 2);
      end = this.#encode(row, this.#value, 0);
    }
    const seq = (this.#core.seqs[partition] as number) + 1;
    this.#core.seqs[partition] = seq;
    const length = encodeHeader(ANALYZER_WRITER, seq, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, eventTime, -1, 0, this.#header, 0);
    this.#block.add(partition, this.#host.wall(), key, this.#value.subarray(0, end), this.#header.subarray(0, length));
  }

  take(): Uint8Array | null {
    return this.#block.take();
  }

  async deliver(_batch: number, taken: Uint8Array): Promise<readonly Appender[]> {
    appendBlock(taken, this.#appender);
    return [this.#appender];
  }

  async recover(): Promise<void> {}

  close(): void {}
}
