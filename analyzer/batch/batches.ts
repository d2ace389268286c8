import type { Clock } from '@millrace/runtime/clock.ts';
import type { Duckdb } from '@millrace/runtime/duckdb.ts';
import { probe } from '@millrace/runtime/probe.ts';
import { encodeHeader, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import { modelText } from '@millrace/shared-schemas/model.ts';
import { type ModelDecision, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { Appender, Commit, Transport } from '@millrace/transport/log.ts';
import type { DeadLetters } from '../dead-letters.ts';
import type { Flow } from '../flow.ts';
import type { InHand } from '../in-hand.ts';
import type { ModelsInForce } from '../ml/models-in-force.ts';
import type { Training, TrainingResult } from '../ml/training.ts';
import type { AnalyzedPlan } from '../run-options.ts';
import { appendBlock, RecordBlock } from '../sinks/record-block.ts';
import type { Source } from '../sources/source.ts';
import { ANALYZER_WRITER } from '../writer.ts';
import { type BatchLeft, type Checkpoint, stateKey } from './checkpoint.ts';
import { EventTimes } from './progress.ts';
import { batchRanges, isEmpty } from './ranges.ts';
import { type Core, type OffsetsWord, type RunWord, TRAINING } from './words.ts';

const DEAD_LETTERS = '!dead';
const DECISIONS = '!models';

export interface BatchesParts {
  readonly plan: AnalyzedPlan;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly checkpoint: Checkpoint;
  readonly core: Core;
  readonly inHand: InHand;
  /** the clock of the batch */
  readonly wall: { now: number };
  readonly sources: readonly Source[];
  readonly flow: Flow;
  readonly deadLetters: DeadLetters;
  /** of the batch in hand */
  readonly counts: { dropped: number; times: EventTimes };
  readonly models: ModelsInForce;
  readonly training: Training | null;
  readonly duckdb: Duckdb | null;
  /** who reads the rows of a batch; null: this process, here */
  readonly reading: Reading | null;
}

/** Brings the rows of a batch into the queries and sinks, and the sources to where it ends. */
export interface Reading {
  /** records by source id */
  read(word: OffsetsWord): Promise<Record<string, number>>;
  /** every sink has the batch */
  committed(batch: number): void;
  close(): Promise<void>;
}

/** What a batch did, for its report. Durations in ms. */
export interface BatchOutcome {
  readonly word: OffsetsWord;
  readonly rows: Readonly<Record<string, number>>;
  readonly times: EventTimes;
  readonly out: Readonly<Record<string, number>>;
  readonly deadLetters: ReadonlyMap<string, number>;
  readonly dropped: number;
  /** what became of the training boundaries it passed */
  readonly decisions: readonly ModelDecision[];
  readonly work: number;
  readonly results: number;
  readonly sinks: number;
  readonly commit: number;
}

/**
 * The batches of a pipeline, one after the other: decided (`offsets/N`), worked, made durable with the state they leave (`results/N`),
 * given to the sinks, marked (`commits/N`). Whatever was cut short by a crash is finished by `recover`.
 */
export class Batches {
  readonly parts: BatchesParts;
  #committed: number;

  constructor(parts: BatchesParts) {
    this.parts = parts;
    this.#committed = parts.checkpoint.committed();
  }

  /** number of the last batch that all sinks have */
  get committed(): number {
    return this.#committed;
  }

  /** Brings the sinks to where the checkpoint is, and finishes the batch that was under way. */
  async recover(): Promise<void> {
    const { checkpoint, core, flow } = this.parts;
    const undelivered = core.batch > this.#committed ? checkpoint.results(core.batch) : new Map<string, Uint8Array>();
    for (const { plan, sink } of flow.sinks) await sink.recover(this.#committed, undelivered.get(plan.id) ?? null);
    const word = checkpoint.offsets();
    if (word === null) return;
    if (core.batch > this.#committed) await this.#deliver(word, undelivered, null);
    if (word.batch > core.batch) await this.#run(word);
  }

  /**
   * Runs the batch of what is there to read, up to `limits` of the sources that have one; null when there is nothing. `maxRecords`: null: no limit.
   */
  async next(limits: RunWord['ends'], maxRecords: number | null): Promise<BatchOutcome | null> {
    const { sources } = this.parts;
    const backlogs = await Promise.all(
      sources.map(async (source) => {
        const limit = limits[source.plan.id];
        const ends = await source.ends();
        return { positions: source.positions(), ends: ends.map((end, p) => Math.min(end, limit?.[p] ?? end)) };
      }),
    );
    const ranges = batchRanges(backlogs, maxRecords);
    if (isEmpty(ranges)) return null;
    return this.#begin('data', Object.fromEntries(sources.map(({ plan }, i) => [plan.id, ranges[i] ?? []])));
  }

  /** whether a batch without data would do something */
  due(ending: boolean): boolean {
    const { flow, training } = this.parts;
    return flow.queries.some(({ query }) => query.due?.(ending) ?? false) || (training?.due(ending) ?? false);
  }

  /** runs a batch without data */
  empty(kind: 'no_data' | 'end'): Promise<BatchOutcome> {
    return this.#begin(kind, {});
  }

  async #begin(kind: OffsetsWord['kind'], ranges: OffsetsWord['ranges']): Promise<BatchOutcome> {
    const { checkpoint, core, clock, sources, models } = this.parts;
    const word: OffsetsWord = {
      batch: core.batch + 1,
      timestamp: clock.now(),
      kind,
      ranges,
      writers: Object.fromEntries(await Promise.all(sources.map(async (source) => [source.plan.id, await source.writers()] as const))),
      models: models.newest(),
    };
    await checkpoint.writeOffsets(word);
    probe('analyze.offsets');
    return this.#run(word);
  }

  async #run(word: OffsetsWord): Promise<BatchOutcome> {
    const { checkpoint, clock, core, counts, deadLetters, flow, models, wall } = this.parts;
    const begun = clock.monotonic();
    wall.now = word.timestamp;
    models.inBatch = word.models;
    counts.times = new EventTimes();
    counts.dropped = 0;
    const rows = await (this.parts.reading?.read(word) ?? this.#read(word));
    const trained = await this.#finish(word);
    await deadLetters.settle();
    core.batch = word.batch;
    const out = Object.fromEntries(flow.sinks.map(({ plan, sink }) => [plan.id, sink.pending]));
    const dead = deadLetters.counts;
    const results = this.#take(trained.decisions);
    const left = { core, state: this.#state(), models: this.#modelPuts(trained) };
    const worked = clock.monotonic();
    const once = this.#allInLogs(results);
    if (!once) {
      await checkpoint.writeResults(left, results);
      probe('analyze.results');
    }
    const saved = clock.monotonic();
    const { sinks, commit } = await this.#deliver(word, results, once ? left : null);
    const { times, dropped } = counts;
    return { word, rows, times, out, deadLetters: dead, dropped, decisions: trained.decisions, work: worked - begun, results: saved - worked, sinks, commit };
  }

  async #read(word: OffsetsWord): Promise<Record<string, number>> {
    const rows: Record<string, number> = {};
    for (const source of this.parts.sources) rows[source.plan.id] = await source.read(word.ranges[source.plan.id] ?? [], word.writers[source.plan.id] ?? null);
    return rows;
  }

  /** Ends the batch at every query, in the order of the file, then at the training. */
  async #finish(word: OffsetsWord): Promise<TrainingResult> {
    const { flow, sources, training } = this.parts;
    const ending = word.kind === 'end';
    const complete = new Map<string, number | null>(sources.map((source) => [source.plan.id, source.completeness]));
    for (const { plan, query } of flow.queries) {
      const completeness = complete.get(plan.from) ?? null;
      await query.finish?.({ completeness, ending });
      complete.set(plan.id, query.completeness ?? completeness);
    }
    if (training === null) return { decisions: [], models: new Map() };
    const result = await training.finish({ completeness: (id) => complete.get(id) ?? null, ending, inForce: (model) => word.models[model] ?? null });
    if (result.models.size > 0) probe('analyze.trained');
    return result;
  }

  #take(decisions: readonly ModelDecision[]): Map<string, Uint8Array> {
    const { core, deadLetters, flow, wall } = this.parts;
    const results = new Map<string, Uint8Array>();
    const put = (name: string, bytes: Uint8Array | null): void => {
      if (bytes !== null) results.set(name, bytes);
    };
    for (const { plan, sink } of flow.sinks) put(plan.id, sink.take());
    put(DEAD_LETTERS, deadLetters.take());
    const block = new RecordBlock();
    const header = Buffer.alloc(MAX_HEADER);
    for (const decision of decisions) {
      const seq = (core.decisions.seqs[0] ?? 0) + 1;
      core.decisions.seqs[0] = seq;
      const length = encodeHeader(ANALYZER_WRITER, seq, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, decision.boundary ?? wall.now, -1, 0, header, 0);
      block.add(0, wall.now, Buffer.from(decision.model), Buffer.from(JSON.stringify(decision)), header.subarray(0, length));
    }
    put(DECISIONS, block.take());
    return results;
  }

  #modelPuts({ models }: TrainingResult): Commit['puts'] {
    return [...models].map(([hash, model]) => [modelKey(this.parts.plan.name, hash), Buffer.from(modelText(model))] as const);
  }

  #state(): [key: string, value: Uint8Array | null][] {
    const puts: [string, Uint8Array | null][] = [];
    const writer = (query: string) => ({
      put: (key: string, value: Uint8Array) => void puts.push([stateKey(query, key), value]),
      delete: (key: string) => void puts.push([stateKey(query, key), null]),
    });
    for (const { plan, query } of this.parts.flow.queries) query.snapshot?.(writer(plan.id));
    this.parts.training?.snapshot(writer(TRAINING));
    return puts;
  }

  /** Where all that a batch gives goes to the pipeline's own log, results and commit are one atom: nobody could see the one without the other. */
  #allInLogs(results: ReadonlyMap<string, Uint8Array>): boolean {
    return this.parts.flow.sinks.every(({ plan }) => plan.type === 'topic' || !results.has(plan.id));
  }

  async #deliver(word: OffsetsWord, results: ReadonlyMap<string, Uint8Array>, left: BatchLeft | null): Promise<{ sinks: number; commit: number }> {
    const { checkpoint, clock, flow, plan, transport } = this.parts;
    const begun = clock.monotonic();
    const appenders: Appender[] = [];
    for (const { plan: sinkPlan, sink } of flow.sinks) {
      const taken = results.get(sinkPlan.id);
      if (taken === undefined) continue;
      appenders.push(...(await sink.deliver(word.batch, taken)));
      probe('analyze.sink');
    }
    for (const [name, topic] of [
      [DEAD_LETTERS, plan.deadLetter.topic],
      [DECISIONS, modelsTopic(plan.name)],
    ] as const) {
      const block = results.get(name);
      if (block === undefined) continue;
      const appender = transport.log.appender(topic);
      appendBlock(block, appender);
      appenders.push(appender);
    }
    const delivered = clock.monotonic();
    const watermarks = flow.queries.flatMap(({ plan: { id }, query: { watermark } }) =>
      watermark === undefined ? [] : [[id, Number.isFinite(watermark) ? watermark : null] as const],
    );
    await checkpoint.writeCommit({ batch: word.batch, watermarks: Object.fromEntries(watermarks) }, appenders, this.#ended(word), left);
    this.#committed = word.batch;
    this.parts.reading?.committed(word.batch);
    if (results.has(DECISIONS)) probe('analyze.promoted');
    probe('analyze.committed');
    return { sinks: delivered - begun, commit: clock.monotonic() - delivered };
  }

  /** the run that a batch ends, with its end marked */
  #ended(word: OffsetsWord): RunWord | null {
    const run = word.kind === 'end' ? this.parts.checkpoint.run() : null;
    return run && { ...run, finished: true };
  }

  close(): void {
    const { duckdb, flow, models, sources } = this.parts;
    for (const { query } of flow.queries) query.close?.();
    for (const { sink } of flow.sinks) sink.close();
    for (const source of sources) source.close();
    models.close();
    duckdb?.close();
  }
}
