import type { AnalyzePlan } from '@millrace/pipeline/analyze/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { BatchesParts, Reading } from '../batch/batches.ts';
import type { OffsetsWord } from '../batch/words.ts';
import type { DeadLetters } from '../dead-letters.ts';
import type { Flow } from '../flow.ts';
import type { InHand } from '../in-hand.ts';
import type { Source } from '../sources/source.ts';
import type { Board } from './board.ts';
import { cutOf } from './cut.ts';
import { decodePart, encodeJob, encodePart, type Part, type PartJob, partName } from './part.ts';
import type { PartFiles } from './part-files.ts';
import { type PartWorker, tapedRows } from './part-worker.ts';
import { TapePlayer } from './tape.ts';
import { InVain, saidOrSeen } from './waiting.ts';

export interface JobReadingParts {
  readonly plan: AnalyzePlan;
  /** told apart from the coordinators before and after this one */
  readonly epoch: number;
  readonly sources: readonly Source[];
  readonly flow: Flow;
  readonly inHand: InHand;
  readonly deadLetters: DeadLetters;
  readonly counts: BatchesParts['counts'];
  readonly listened: readonly string[];
  readonly board: Board;
  readonly files: PartFiles;
  /** this process' own, for when it is told to stop while the board is away */
  readonly worker: PartWorker;
  readonly signal: AbortSignal;
}

interface Wanted {
  readonly job: PartJob;
  readonly name: string;
}

/** Has the partitions of a batch read by whoever works, and takes their parts in, in the order in which this process would have read them. */
export class JobReading implements Reading {
  readonly #parts: JobReadingParts;
  readonly #player: TapePlayer;
  /** the batch under way, or the last one */
  batch = -1;
  /** ids of what was handed out for the batch under way */
  #posted: string[] = [];

  constructor(parts: JobReadingParts) {
    this.#parts = parts;
    const { plan, flow, inHand, deadLetters } = parts;
    const rows = plan.shapes.map((slots) => rowMaker(slots)());
    const shapes = new Map([...plan.sources, ...plan.queries].map(({ id, shape }) => [id, shape]));
    this.#player = new TapePlayer(tapedRows(plan, cutOf(plan, parts.listened)), {
      inHand,
      row: (id) => rows[shapes.get(id) as number] as Row,
      next: (id, row) => flow.others.get(id)?.(row),
      letter: (code, message, step, record) => deadLetters.put(code, message, step, record),
    });
  }

  async read(word: OffsetsWord): Promise<Record<string, number>> {
    const { sources, files } = this.#parts;
    const wanted = this.#wanted(word);
    this.batch = word.batch;
    files.forget(word.batch);
    await this.#have(word.batch, wanted);
    const rows: Record<string, number> = {};
    for (const source of sources) {
      const { id } = source.plan;
      rows[id] = 0;
      for (const { job, name } of wanted) {
        if (job.source !== id) continue;
        const part = decodePart(await this.#whole(word.batch, { job, name }));
        this.#absorb(source, job, part);
        rows[id] += part.taken;
      }
      source.complete(word.writers[id] ?? null);
    }
    return rows;
  }

  #wanted({ batch, ranges, models }: OffsetsWord): Wanted[] {
    const { plan, sources, flow } = this.#parts;
    const late = Object.fromEntries(flow.queries.flatMap(({ plan: { id }, query: { parts } }) => (parts === undefined ? [] : [[id, parts.late]])));
    return sources.flatMap((source) =>
      (ranges[source.plan.id] ?? []).flatMap(([, to], partition) => {
        const core = source.core.partitions[partition];
        if (core === undefined || core.offset >= to) return [];
        const job = { plan: plan.hash, batch, source: source.plan.id, partition, origin: source.firstOrigin + partition, to, core, late, models };
        return [{ job, name: partName(job) }];
      }),
    );
  }

  #absorb(source: Source, { partition, origin }: PartJob, { core, dropped, times, tape, aggregates }: Part): void {
    const { counts, flow } = this.#parts;
    this.#player.play(tape, origin);
    for (const { plan, query } of flow.queries) {
      const part = aggregates.get(plan.id);
      if (part !== undefined) query.parts?.absorb(part);
    }
    counts.dropped += dropped;
    counts.times.merge(...times);
    source.moved(partition, core);
  }

  /** Resolves when all parts are there. */
  async #have(batch: number, wanted: readonly Wanted[]): Promise<void> {
    const { board, epoch, files, signal } = this.#parts;
    const inVain = new InVain();
    for (;;) {
      const missing = wanted.filter(({ name }) => !files.has(batch, name));
      if (missing.length === 0) return;
      const alone = (): boolean => board.away && signal.aborted;
      if (alone()) {
        await this.#alone(batch, missing);
        return;
      }
      const id = `${epoch}.${batch}.${this.#posted.length}`;
      this.#posted.push(id);
      const posted = board.batch(
        id,
        missing.map(({ job, name }) => ({ id: `${id}.${name}`, data: encodeJob(job) })),
      );
      const said = await saidOrSeen(posted, () => missing.every(({ name }) => files.has(batch, name)) || alone());
      if (inVain.tooOften(said)) throw new MillraceError('parts_missing', `Batch ${batch} is said to be done, but its parts are not in ${files.place}.`);
    }
  }

  async #alone(batch: number, missing: readonly Wanted[]): Promise<void> {
    const { files, worker } = this.#parts;
    for (const { job, name } of missing) files.write(batch, name, encodePart(await worker.run(job)));
  }

  /** A part that was damaged is made again. */
  async #whole(batch: number, wanted: Wanted): Promise<Uint8Array> {
    const { files } = this.#parts;
    for (;;) {
      const bytes = files.read(batch, wanted.name);
      if (bytes !== null) return bytes;
      files.drop(batch, wanted.name);
      await this.#have(batch, [wanted]);
    }
  }

  committed(batch: number): void {
    const { board, files } = this.#parts;
    for (const id of this.#posted) board.over(id);
    this.#posted = [];
    files.forget(batch + 1);
  }

  async close(): Promise<void> {
    for (const id of this.#posted) this.#parts.board.over(id);
    await this.#parts.board.close();
  }
}
