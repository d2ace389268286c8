import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { RedisProfile } from '@millrace/pipeline/profile.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { Claim } from '@millrace/transport/embedded/ownership.ts';
import type { Transport } from '@millrace/transport/log.ts';
import type { BatchesParts, Reading } from '../batch/batches.ts';
import type { AnalyzeOptions } from '../run-options.ts';
import { BullBoard, type JobWorker, startWorker } from './bullmq.ts';
import { JobReading } from './job-reading.ts';
import { PartFiles } from './part-files.ts';
import { PartWorker } from './part-worker.ts';
import { connectRedis, type RedisConnection } from './redis.ts';
import { claimOrStandBy } from './standby.ts';
import { queueBase, workOn } from './work.ts';

/** An analyzer that hands its batches out, and works on them itself. */
export class Coordinator {
  readonly #options: AnalyzeOptions;
  readonly #redis: RedisConnection;
  #reading: JobReading | null = null;
  #worker: JobWorker | null = null;

  /** Before the data directory is touched. @throws MillraceError redis_unreachable, redis_refused, redis_too_old */
  static async open(options: AnalyzeOptions, redis: RedisProfile): Promise<Coordinator> {
    return new Coordinator(options, await connectRedis(redis, options.onEvent));
  }

  private constructor(options: AnalyzeOptions, redis: RedisConnection) {
    this.#options = options;
    this.#redis = redis;
  }

  /** The role of the analyzer, once it is free. */
  claim(transport: Transport, role: string): Promise<Claim> {
    const { dataDir, signal, onEvent } = this.#options;
    return claimOrStandBy({ transport, dataDir, role, signal, onEvent });
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
    this.#reading = new JobReading({ ...parts, plan: plan.analyze, epoch, listened, board, files, worker, signal });
    return this.#reading;
  }

  /** that no other checkpoint of this pipeline has */
  #newIdentity(): string {
    const { clock, dataDir } = this.#options;
    return createHash('sha256').update(`${hostname()} ${dataDir} ${process.pid} ${clock.now()}`).digest('hex').slice(0, 16);
  }

  async close(): Promise<void> {
    await Promise.all([this.#reading?.close(), this.#worker?.close()]);
    this.#redis.close();
  }
}
