import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import { columnsOf, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { encodeHeader, encodeHeartbeat, type HeartbeatKind, MAX_HEADER, readHeaders } from '@millrace/shared-schemas/header.ts';
import { topicEncoder } from '@millrace/shared-schemas/output-encoder.ts';
import { FileRegistry } from '@millrace/shared-schemas/registry/file.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import type { BatchProgress } from './batch/progress.ts';
import type { OpenTraining } from './ml/training.ts';
import type { OpenJobs } from './open.ts';
import { analyze } from './run.ts';
import type { AnalyzedPlan, AnalyzeOptions, AnalyzeProgress } from './run-options.ts';

const NOTHING = Buffer.alloc(0);

/** A pipeline over a memory transport, which has done its work when a call returns, whose record stage is played by the test: it writes the bridges itself. */
export class Harness {
  readonly dir = mkdtempSync(join(tmpdir(), 'millrace-analyze-'));
  readonly transport: MemoryTransport = openMemory();
  readonly batches: BatchProgress[] = [];
  plan!: AnalyzedPlan;
  readonly #registry = new FileRegistry(join(this.dir, 'data'));
  readonly #seqs = new Map<string, number>();
  readonly partitions: number;

  constructor(partitions = 2) {
    this.partitions = partitions;
  }

  /** `yaml`: a file whose outputs and sinks are at paths beside it */
  async load(yaml: string): Promise<this> {
    writeFileSync(join(this.dir, 'p.yaml'), yaml);
    const { plan, findings } = await loadPipeline(join(this.dir, 'p.yaml'), { env: {} });
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (!plan?.analyze || errors.length > 0) throw new Error(JSON.stringify(errors));
    this.plan = plan as AnalyzedPlan;
    return this;
  }

  /** says who writes a bridge, as the record stage does when it starts */
  writers(topic: string, writers: readonly number[]): void {
    void this.transport.log.ensure(topic, this.partitions, { writers: JSON.stringify(writers) });
  }

  /** appends rows to a source's topic in one commit: to a bridge as `writer`, whose watermark is `watermark` */
  write(
    source: string,
    partition: number,
    rows: readonly { readonly t: number; readonly row: Row }[],
    writer = 0,
    watermark = Number.NEGATIVE_INFINITY,
    judged = watermark,
  ): void {
    const found = this.plan.analyze.sources.find(({ id }) => id === source);
    if (!found) throw new Error(`no source ${source}`);
    const { topic, format, schema, output } = found;
    void this.transport.log.ensure(topic, this.partitions);
    const schemaId = format === 'avro' ? this.#registry.register(`${topic}-value`, schema) : undefined;
    const columns = columnsOf(parseSchema(schema)).map((column) => ({ ...column, slot: column.name }));
    const encode = topicEncoder({ format, schema, columns }, schemaId);
    const out = this.transport.log.appender(topic);
    for (const { t, row } of rows) {
      const value = Buffer.alloc(4096);
      const end = encode(Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null])), value, 0);
      const header = Buffer.alloc(MAX_HEADER);
      const length = output === null ? 0 : encodeHeader(writer, this.#next(topic, partition, writer), watermark, judged, t, -1, 0, header, 0);
      this.#append(out, partition, t, value.subarray(0, end), header.subarray(0, length));
    }
    this.transport.commit({ appenders: [out], puts: [] });
  }

  raw(topic: string, partition: number, value: string): void {
    void this.transport.log.ensure(topic, this.partitions);
    const out = this.transport.log.appender(topic);
    this.#append(out, partition, 0, Buffer.from(value), NOTHING);
    this.transport.commit({ appenders: [out], puts: [] });
  }

  #append(out: ReturnType<MemoryTransport['log']['appender']>, partition: number, t: number, value: Buffer, headers: Buffer): void {
    const pos = out.begin(partition, t, NOTHING, 0, -1);
    out.buffer.set(value, pos);
    if (headers.length > 0) out.end(pos + value.length, headers, 0, headers.length);
    else out.end(pos + value.length);
  }

  #next(topic: string, partition: number, writer: number): number {
    const key = `${topic}/${partition}/${writer}`;
    const seq = (this.#seqs.get(key) ?? 0) + 1;
    this.#seqs.set(key, seq);
    return seq;
  }

  /** to every partition */
  heartbeat(topic: string, watermark: number, kind: HeartbeatKind = 'watermark', writer = 0): void {
    const out = this.transport.log.appender(topic);
    for (let p = 0; p < this.partitions; p++) {
      const header = Buffer.alloc(MAX_HEADER);
      const seq = this.#seqs.get(`${topic}/${p}/${writer}`) ?? 0;
      const length = encodeHeartbeat({ kind, writer, seq, watermark, run: 0 }, header, 0);
      out.null(p, 0, NOTHING, 0, -1, header, 0, length);
    }
    this.transport.commit({ appenders: [out], puts: [] });
  }

  /** runs to the end of the input; without `end` as the trigger says, which has to end by itself */
  run(options: Partial<AnalyzeOptions> & { readonly end?: boolean } = {}, training?: OpenTraining, jobs?: OpenJobs): Promise<AnalyzeProgress> {
    const { end = true, ...more } = options;
    return analyze(
      {
        plan: this.plan,
        profile: { ...defaultProfile, transport: { type: 'memory', partitions: this.partitions, kafka: null } },
        dataDir: join(this.dir, 'data'),
        clock: systemClock,
        signal: new AbortController().signal,
        untilEnd: end ? Promise.resolve() : null,
        onProgress: () => {},
        onBatch: (progress) => void this.batches.push(progress),
        onEvent: () => {},
        transport: this.transport,
        ...more,
      },
      training,
      jobs,
    );
  }

  /** every record of a topic: its value as text, with the headers of a dead letter */
  topic(name: string): { readonly value: string; readonly headers: Readonly<Record<string, string>> }[] {
    const records: { value: string; headers: Record<string, string> }[] = [];
    for (let p = 0; p < (this.transport.log.topic(name)?.partitions ?? 0); p++) {
      const reader = this.transport.log.reader(name, p, { offset: 0 });
      for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
        for (let i = 0; i < view.count; i++) {
          const headers = readHeaders(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number).filter(([header]) => header !== 'm');
          records.push({
            value: view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]),
            headers: Object.fromEntries(headers.map(([header, value]) => [header, String(value)])),
          });
        }
      }
    }
    return records;
  }

  /** the rows of a JSON topic */
  rows(name: string): unknown[] {
    return this.topic(name).map(({ value }) => JSON.parse(value) as unknown);
  }

  /** the lines of a file beside the pipeline */
  lines(path: string): string[] {
    const whole = join(this.dir, path);
    return existsSync(whole) ? readFileSync(whole, 'utf8').split('\n').filter(Boolean) : [];
  }
}
