import { setImmediate as macrotask } from 'node:timers/promises';
import type { AnalyzePlan, AnalyzeSourcePlan, ConsoleSinkPlan, SinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { type CompileOptions, compilePredicate } from '@millrace/pipeline/sql/compile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { eventTimeOf } from '@millrace/shared-schemas/event-time.ts';
import { rowJson } from '@millrace/shared-schemas/json/value.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import { FlawError, type Row, type RowDecoder } from '@millrace/shared-schemas/types.ts';
import type { Log } from '@millrace/transport/log.ts';
import { SchemaReader } from '@millrace/transport/schemareader.ts';
import { EventTimes } from '../batch/progress.ts';
import { buildFlow, type Flow } from '../flow.ts';
import type { InHand } from '../in-hand.ts';
import type { Sink } from '../sinks/sink.ts';
import { PartitionReader } from '../sources/partition.ts';
import { decoderOf } from '../sources/source.ts';
import { type Cut, cutOf } from './cut.ts';
import type { Part, PartJob } from './part.ts';
import { TapeWriter } from './tape.ts';

/** offsets between two turns of the event loop: a job's lock is renewed in between */
const STRIDE = 10_000;
/** how long an append is waited for before looking again, ms */
const WAIT_MS = 100;

export interface PartWorkerParts {
  readonly plan: AnalyzePlan;
  readonly expressions: CompileOptions;
  readonly log: Log;
  readonly registry: SchemaRegistry;
  /** whose rows training learns from */
  readonly listened: readonly string[];
  /** a model of the ledger, by its hash */
  model(hash: string): Model | null;
}

/** Works parts, one at a time: the pipeline's flow as far as it needs nothing but the row. */
export class PartWorker {
  readonly #parts: PartWorkerParts;
  readonly #inHand: InHand = { eventTime: 0, judged: Number.NEGATIVE_INFINITY, origin: -1, offset: 0 };
  readonly #tape: TapeWriter;
  readonly #flow: Flow;
  readonly #rows: readonly Row[];
  readonly #decoders = new Map<string, RowDecoder>();
  #models: PartJob['models'] = {};
  #times = new EventTimes();
  #dropped = 0;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(parts: PartWorkerParts) {
    const { plan, expressions } = parts;
    this.#parts = parts;
    const cut = cutOf(plan, parts.listened);
    this.#tape = new TapeWriter(tapedRows(plan, cut), this.#inHand);
    this.#rows = plan.shapes.map((slots) => rowMaker(slots)());
    const tapes = [...cut.taped].map(([id, askers]) => ({ id, sink: this.#taping(id, askers) }));
    this.#flow = buildFlow(
      { ...plan, queries: cut.queries, sinks: tapes.map(({ id }, order) => tapeSink(id, order)) },
      {
        inHand: this.#inHand,
        expressions,
        deadLetters: { write: (code, message, step, row, columns) => this.#tape.letter(code, message, step, row && columns && rowJson(row, columns)) },
        tools: {
          duckdb: null,
          model: (name) => {
            const hash = this.#models[name] ?? null;
            return hash === null ? null : this.#model(hash);
          },
        },
        row: (shape) => this.#rows[shape] as Row,
        dropped: () => void this.#dropped++,
        sink: ({ order }) => (tapes[order] as (typeof tapes)[number]).sink,
        listeners: [],
      },
    );
  }

  /** @throws MillraceError as reading a batch inline does */
  run(job: PartJob): Promise<Part> {
    const turn = this.#busy.then(() => this.#run(job));
    this.#busy = turn.catch(() => {});
    return turn;
  }

  async #run(job: PartJob): Promise<Part> {
    const source = this.#parts.plan.sources.find(({ id }) => id === job.source);
    if (source === undefined) throw new Error(`no source ${job.source}`);
    const aggregates = this.#flow.queries.flatMap(({ plan: { id }, query: { parts } }) => (parts === undefined ? [] : [{ id, parts }]));
    this.#models = job.models;
    this.#times = new EventTimes();
    this.#dropped = 0;
    const core = structuredClone(job.core);
    let taken = 0;
    try {
      for (const { id, parts } of aggregates) parts.begin(job.late[id] as number);
      taken = await this.#read(source, job, core);
    } catch (error) {
      this.#tape.take();
      for (const { parts } of aggregates) parts.take();
      throw error;
    }
    const { count, sum, min, max } = this.#times;
    const taped = this.#tape.take();
    return {
      core,
      taken,
      dropped: this.#dropped,
      times: [count, sum, min, max],
      tape: taped,
      aggregates: new Map(aggregates.map(({ id, parts }) => [id, parts.take()] as const)),
    };
  }

  async #read(plan: AnalyzeSourcePlan, job: PartJob, core: Part['core']): Promise<number> {
    const { log, registry } = this.#parts;
    const { partition, origin, to } = job;
    const { topic, eventTime } = plan;
    const decode = this.#decoders.get(plan.id) ?? decoderOf(plan, registry);
    this.#decoders.set(plan.id, decode);
    const next = this.#flow.entry.get(plan.id) as (row: Row) => void;
    const records = log.reader(topic, partition, { offset: core.offset });
    const reader = new PartitionReader({
      plan,
      partition,
      origin,
      core,
      // a schema that has come is seen at the next look
      reader: plan.format === 'avro' ? new SchemaReader(records, registry) : records,
      decode,
      eventTime: eventTime && eventTimeOf(eventTime.slot, eventTime.type),
      row: this.#rows[plan.shape] as Row,
      inHand: this.#inHand,
      next: (row) => {
        this.#times.add(this.#inHand.eventTime);
        next(row);
      },
      flaw: (code, message) => this.#tape.letter(code, message, plan.id, null),
    });
    let taken = 0;
    try {
      while (core.offset < to) {
        const since = log.version();
        const before = core.offset;
        taken += reader.read(Math.min(to, before + STRIDE));
        if (core.offset > before) await macrotask();
        else if ((await log.endOffset(topic, partition)) < to)
          throw new MillraceError('log_too_short', `${topic}/${partition} ends at offset ${core.offset}, but was seen to reach ${to} before.`);
        else await log.wait(WAIT_MS, since);
      }
    } finally {
      reader.close();
    }
    return taken;
  }

  #model(hash: string): Model {
    const model = this.#parts.model(hash);
    if (model === null) throw new Error(`model ${hash} is not in the ledger`);
    return model;
  }

  /** Stands for everything that reads the rows of `id` at the coordinator; `askers`: null where every row is asked for. */
  #taping(id: string, askers: readonly SinkPlan[] | null): Sink {
    const asks = askers?.map(({ where }) => where && compilePredicate(where.tree, this.#parts.expressions)) ?? null;
    const asked = (row: Row): boolean =>
      asks === null ||
      asks.some((ask) => {
        try {
          return ask === null || ask(row);
        } catch (error) {
          // it fails there as well, and is a flaw of the sink
          if (error instanceof FlawError) return true;
          throw error;
        }
      });
    return {
      add: (row) => {
        if (asked(row)) this.#tape.row(id, row);
      },
      take: () => null,
      pending: 0,
      deliver: async () => [],
      recover: async () => {},
      close: () => {},
    };
  }
}

/** In the order of both ends of a tape. */
export function tapedRows(plan: AnalyzePlan, { taped }: Cut): { id: string; columns: AnalyzeSourcePlan['columns'] }[] {
  const all = [...plan.sources, ...plan.queries];
  return [...taped.keys()].map((id) => ({ id, columns: all.find((each) => each.id === id)?.columns ?? [] }));
}

function tapeSink(from: string, order: number): ConsoleSinkPlan {
  return { id: `!${from}`, order, from, type: 'console', limit: 0, where: null, columns: [], mode: 'append', onError: 'fail' };
}
