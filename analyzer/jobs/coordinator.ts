import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { RedisProfile } from '@millrace/pipeline/profile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { Claim } from '@millrace/transport/embedded/ownership.ts';
import type { Transport } from '@millrace/transport/log.ts';
import type { BatchesParts, Reading } from '../batch/batches.ts';
import type { Fit } from '../ml/fit.ts';
import type { AnalyzeOptions } from '../run-options.ts';
import type { Board } from './board.ts';
import { BullBoard, type JobWorker, startWorker } from './bullmq.ts';
import { answerName, answerOf, layFit, workFit } from './fit-job.ts';
import { JobReading } from './job-reading.ts';
import type { Jobs } from './jobs.ts';
import { PartFiles } from './part-files.ts';
import { PartWorker } from './part-worker.ts';
import { connectRedis, type RedisConnection } from './redis.ts';
import { claimOrStandBy } from './standby.ts';
import { InVain, saidOrSeen } from './waiting.ts';
import { queueBase, workOn } from './work.ts';

/** rows times features from which a fit is a job: less takes no longer than handing it out */
const WORTH_A_JOB = 2_000;
/** between two words on how a training goes, ms */
const TELL_EVERY = 10_000;

interface Place {
  readonly board: Board;
  readonly files: PartFiles;
  readonly epoch: number;
  readonly reading: JobReading;
}

/** An analyzer that hands its batches out, and works on them itself. */
export class Coordinator implements Jobs {
  readonly #options: AnalyzeOptions;
  readonly #redis: RedisConnection;
  /** once the checkpoint is owned */
  #place: Place | null = null;
  #told = Number.NEGATIVE_INFINITY;
  #worker: JobWorker | null = null;

  /** Before the data directory is touched. @throws MillraceError redis_unreachable, redis_refused, redis_too_old */
  static async open(options: AnalyzeOptions, redis: RedisProfile): Promise<Coordinator> {
    return new Coordinator(options, await connectRedis(redis, options.onEvent));
  }

  private constructor(options: AnalyzeOptions, redis: RedisConnection) {
    this.#options = options;
    this.#redis = redis;
  }

  /** Fits a model as a job where that takes long. */
  fitting(here: Fit): Fit {
    return (dataset, settings, values) =>
      this.#place === null || values < WORTH_A_JOB ? here(dataset, settings, values) : this.#fit(this.#place, dataset, settings, values);
  }

  async #fit(place: Place, ...[dataset, settings, values]: Parameters<Fit>): ReturnType<Fit> {
    const { board, files, epoch } = place;
    const batch = place.reading.batch;
    const job = layFit(files, batch, dataset, settings, values);
    const inVain = new InVain();
    for (let round = 0; ; round++) {
      const answer = answerOf(files, job);
      if (answer !== null) return answer;
      files.drop(batch, answerName(job));
      // told to stop while nobody can be reached
      const alone = (): boolean => board.away && this.#options.signal.aborted;
      if (alone()) {
        await workFit(files, job, () => {});
        continue;
      }
      const posted = board.single({ id: `${epoch}.${batch}.${round}.${job.rows}`, data: JSON.stringify(job) }, (passes) => this.#training(values, passes));
      const said = await saidOrSeen(posted, () => files.has(batch, answerName(job)) || alone());
      if (inVain.tooOften(said)) throw new MillraceError('parts_missing', `A model of batch ${batch} is said to be fitted, but it is not in ${files.place}.`);
    }
  }

  /** Says now and then that it goes on. */
  #training(values: number, passes: number): void {
    const { clock, onEvent } = this.#options;
    const now = clock.monotonic();
    if (now - this.#told < TELL_EVERY) return;
    this.#told = now;
    onEvent({ level: 'info', code: 'training', message: `A model is being trained over ${values} values: ${passes} passes so far.` });
  }

  /** The role of the analyzer, once it is free. */
  claim(transport: Transport, role: string): Promise<Claim> {
    const { plan, dataDir, signal, onEvent } = this.#options;
    const fenced = plan.analyze.sinks.every(({ type }) => type !== 'file');
    return claimOrStandBy({ transport, dataDir, role, fenced, signal, onEvent });
  }

  /** Whoever owns the checkpoint calls it once. `listened`: whose rows training learns from */
  async reading(parts: Omit<BatchesParts, 'reading'>, registry: SchemaRegistry, listened: readonly string[]): Promise<Reading> {
    const { plan, profile, dataDir, signal } = this.#options;
    const { checkpoint, transport, models } = parts;
    const { identity, epoch } = await checkpoint.takeEpoch(this.#newIdentity());
    const base = queueBase(plan.name, identity, plan.analyze.hash);
    const files = new PartFiles(dataDir, plan.name);
    const worker = new PartWorker({
      plan: plan.analyze,
      expressions: { hmacSecret: profile.secrets.hmac },
      log: transport.log,
      registry,
      listened,
      model: (hash) => models.byHash(hash),
    });
    const board = new BullBoard(this.#redis, base, epoch);
    this.#worker = startWorker(this.#redis, base, workOn({ checkpoint, files, worker }));
    const reading = new JobReading({ ...parts, plan: plan.analyze, epoch, listened, board, files, worker, signal });
    this.#place = { board, files, epoch, reading };
    return reading;
  }

  /** that no other checkpoint of this pipeline has */
  #newIdentity(): string {
    const { clock, dataDir } = this.#options;
    return createHash('sha256').update(`${hostname()} ${dataDir} ${process.pid} ${clock.now()}`).digest('hex').slice(0, 16);
  }

  async close(): Promise<void> {
    await Promise.all([this.#place?.reading.close(), this.#worker?.close()]);
    this.#redis.close();
  }
}
