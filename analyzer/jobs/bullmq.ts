import { type ErrorCode, errorTable, MillraceError } from '@millrace/runtime/errors.ts';
import { FlowProducer, Job, type JobsOptions, Queue, UnrecoverableError, Worker, type WorkerOptions } from 'bullmq';
import type { Board, Posted } from './board.ts';
import type { RedisConnection } from './redis.ts';

/** A worker that has not renewed its lock for so long is taken for dead, ms. */
const LOCK = 3000;
const STALLED_EVERY = 1000;
/** how often it is asked what has become of a job, ms */
const ASK_EVERY = 500;
/** a close takes no longer, ms */
const CLOSE_WITHIN = 3000;
const PREFIX = 'millrace';
/** for people to look at; nothing depends on them */
const KEPT = { count: 100, age: 3600 };

type JobName = 'part' | 'single';

const WORK: JobsOptions = { attempts: 3, backoff: { type: 'exponential', delay: 200 }, removeOnComplete: KEPT, removeOnFail: KEPT, stackTraceLimit: 1 };
const SINGLE: JobsOptions = { ...WORK, attempts: 5, backoff: { type: 'exponential', delay: 1000 } };

interface WorkData {
  readonly job: string;
}

/** A flow that was handed out. */
interface Waiting {
  picked(): void;
  readonly over: Promise<void>;
  end(): void;
}

/** `base`: shared by all who work for one checkpoint under one plan; `epoch`: the coordinator's own. */
export class BullBoard implements Board {
  readonly #connection: RedisConnection;
  readonly #flows: FlowProducer;
  readonly #work: Queue<WorkData>;
  readonly #batches: Queue;
  readonly #parents: Worker;
  readonly #waiting = new Map<string, Waiting>();

  constructor(connection: RedisConnection, base: string, epoch: number) {
    const shared = { connection: connection.client, prefix: PREFIX };
    this.#connection = connection;
    this.#flows = new FlowProducer(shared);
    this.#work = new Queue(workQueue(base), shared);
    this.#batches = new Queue(batchQueue(base, epoch), shared);
    void forgetQueue(new Queue(batchQueue(base, epoch - 1), shared));
    this.#parents = new Worker(this.#batches.name, ({ id }) => this.#pick(id ?? ''), { ...shared, ...LOCKS, concurrency: 100 });
    // what is wrong with the connection is told by the connection
    this.#flows.on('error', () => {});
    for (const queue of [this.#work, this.#batches]) queue.on('error', () => {});
    this.#parents.on('error', () => {});
  }

  get away(): boolean {
    return this.#connection.away;
  }

  /** The flow's parent is there when its children are done; it stays until its batch is. */
  async #pick(id: string): Promise<void> {
    const waiting = this.#waiting.get(id);
    waiting?.picked();
    await waiting?.over;
  }

  async batch(id: string, jobs: readonly Posted[]): Promise<'done' | 'lost'> {
    const picked = Promise.withResolvers<'done'>();
    const over = Promise.withResolvers<void>();
    this.#waiting.set(id, { picked: () => picked.resolve('done'), over: over.promise, end: over.resolve });
    await this.#flows.add({
      name: 'batch',
      queueName: this.#batches.name,
      data: {},
      opts: { jobId: id, removeOnComplete: KEPT, removeOnFail: KEPT },
      children: jobs.map((job) => ({
        name: 'part' satisfies JobName,
        queueName: this.#work.name,
        data: { job: job.data } satisfies WorkData,
        opts: { ...WORK, jobId: job.id, failParentOnFailure: true },
      })),
    });
    const ids = jobs.map((job) => job.id);
    return this.#outcome(picked.promise, () => this.#batches.getJobState(id), over.promise, ids);
  }

  async single(posted: Posted, progress: (said: number) => void): Promise<'done' | 'lost'> {
    const never = new Promise<never>(() => {});
    await this.#work.add('single' satisfies JobName, { job: posted.data }, { ...SINGLE, jobId: posted.id });
    const state = async (): Promise<string> => {
      const job = await Job.fromId(this.#work, posted.id);
      if (typeof job?.progress === 'number') progress(job.progress);
      return (await job?.getState()) ?? 'unknown';
    };
    return this.#outcome(never, state, never, [posted.id]);
  }

  async #outcome(picked: Promise<'done'>, state: () => Promise<string>, over: Promise<void>, jobs: readonly string[]): Promise<'done' | 'lost'> {
    for (;;) {
      const pause = Promise.withResolvers<null>();
      const timer = setTimeout(() => pause.resolve(null), ASK_EVERY);
      const said = await Promise.race([picked, pause.promise, over.then(() => 'lost' as const)]);
      clearTimeout(timer);
      if (said !== null) return said;
      const now = await state();
      if (now === 'completed') return 'done';
      if (now === 'unknown') return 'lost';
      if (now === 'failed') throw await this.#failure(jobs);
    }
  }

  async #failure(jobs: readonly string[]): Promise<Error> {
    for (const id of jobs) {
      const job = await Job.fromId(this.#work, id);
      if (job && (await job.isFailed())) return fromReason(job.failedReason ?? '');
    }
    return new Error('a job of the batch has failed, and nobody knows why');
  }

  over(id: string): void {
    this.#waiting.get(id)?.end();
    this.#waiting.delete(id);
  }

  async close(): Promise<void> {
    for (const id of [...this.#waiting.keys()]) this.over(id);
    await within([this.#parents.close(this.away), this.#flows.close(), this.#work.close(), this.#batches.close()]);
  }
}

/** What works on jobs: throws MillraceError where trying again would not help. `single`: not a part of a batch. */
export type Work = (data: string, single: boolean, progress: (said: number) => void) => Promise<void>;

export interface JobWorker {
  /** lets the job in hand end */
  close(): Promise<void>;
}

export function startWorker(connection: RedisConnection, base: string, work: Work): JobWorker {
  const worker = new Worker<WorkData>(
    workQueue(base),
    async (job) => {
      try {
        await work(job.data.job, job.name === ('single' satisfies JobName), (said) => void job.updateProgress(said).catch(() => {}));
      } catch (error) {
        throw error instanceof MillraceError && errorTable[error.code].retryable !== true
          ? new UnrecoverableError(toReason(error))
          : new Error(toReason(error));
      }
    },
    { connection: connection.client, prefix: PREFIX, ...LOCKS },
  );
  // a job that another has taken over meanwhile, a connection that is lost: the job is done again, or was
  worker.on('error', () => {});
  return { close: () => within([worker.close(connection.away)]) };
}

/** A job may be begun again and again: it leaves the same each time. */
const LOCKS: Omit<WorkerOptions, 'connection'> = { lockDuration: LOCK, stalledInterval: STALLED_EVERY, maxStalledCount: 1_000_000, drainDelay: 2 };

function batchQueue(base: string, epoch: number): string {
  return `${base}.batches.${epoch}`;
}

/** What the coordinator before has left: nobody asks for it any more. */
async function forgetQueue(queue: Queue): Promise<void> {
  queue.on('error', () => {});
  await queue.obliterate({ force: true }).catch(() => {});
  await queue.close().catch(() => {});
}

function workQueue(base: string): string {
  return `${base}.work`;
}

function toReason(error: unknown): string {
  if (error instanceof MillraceError) return JSON.stringify({ code: error.code, message: error.message, hint: error.hint });
  return String((error as Error)?.stack ?? error);
}

function fromReason(reason: string): Error {
  try {
    const { code, message, hint } = JSON.parse(reason) as { code: ErrorCode; message: string; hint: string };
    if (Object.hasOwn(errorTable, code)) return new MillraceError(code, message, { hint });
  } catch {
    // it is a stack trace
  }
  return new Error(`a job has failed: ${reason}`);
}

async function within(closing: readonly Promise<unknown>[]): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, CLOSE_WITHIN);
  await Promise.race([Promise.allSettled(closing), late.promise]);
  clearTimeout(timer);
}
