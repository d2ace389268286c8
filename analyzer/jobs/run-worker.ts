import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Profile, RedisProfile } from '@millrace/pipeline/profile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import type { Log, Transport } from '@millrace/transport/log.ts';
import { openParts, openSchemas, openTransport } from '@millrace/transport/open.ts';
import { CheckpointReader } from '../batch/checkpoint.ts';
import type { JobsWord } from '../batch/words.ts';
import { ModelsInForce } from '../ml/models-in-force.ts';
import type { AnalyzedPlan } from '../run-options.ts';
import { listenedBy } from '../training/learning-rows.ts';
import { startWorker } from './bullmq.ts';
import { PartFiles } from './part-files.ts';
import { PartWorker } from './part-worker.ts';
import { connectRedis } from './redis.ts';
import { queueBase, workOn } from './work.ts';

/** how often it is looked whether there is an analyzer, ms */
const LOOK_EVERY = 200;

export interface WorkerOptions {
  readonly plan: AnalyzedPlan;
  readonly profile: Profile & { readonly redis: RedisProfile };
  /** absolute; the analyzer's own */
  readonly dataDir: string;
  readonly clock: Clock;
  /** graceful stop: finish the job in hand */
  readonly signal: AbortSignal;
  readonly onEvent: (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;
  /** after each job that it has done */
  readonly onJob?: () => void;
}

/** Works on the batches that an analyzer of the same plan hands out, until its signal; gives how many jobs it has done. */
export async function runWorker(options: WorkerOptions): Promise<number> {
  const { plan, profile, dataDir, clock, onEvent } = options;
  const redis = await connectRedis(profile.redis, onEvent);
  let transport: Reading | null = null;
  try {
    transport = await openReading(options);
    const checkpoint = new CheckpointReader(transport.ledger, plan.name);
    const coordinated = await firstCoordinator(checkpoint, transport.log, options);
    if (coordinated === null) return 0;
    const models = new ModelsInForce(plan.name, transport);
    const work = workOn({
      checkpoint,
      files: new PartFiles(dataDir, plan.name),
      worker: new PartWorker({
        plan: plan.analyze,
        expressions: { hmacSecret: profile.secrets.hmac },
        log: transport.log,
        registry: await openSchemas(profile.registry, transport, dataDir, clock),
        listened: listenedBy(plan.models),
        model: (hash) => models.byHash(hash),
      }),
    });
    let done = 0;
    const worker = startWorker(redis, queueBase(plan.name, coordinated.identity, plan.analyze.hash), async (...job) => {
      await work(...job);
      done++;
      options.onJob?.();
    });
    onEvent({ level: 'info', code: 'working', message: `Working on batches of ${plan.name}.` });
    await aborted(options.signal);
    await worker.close();
    models.close();
    return done;
  } finally {
    await transport?.close();
    redis.close();
  }
}

/** A worker owns nothing of the pipeline: it only reads. */
type Reading = Pick<Transport, 'kind' | 'log' | 'ledger' | 'close'>;

/** On Kafka it shares the copies of the ledger with the workers of its machine: one that is free is taken, and those of machines that are gone are removed. */
async function openReading({ plan, profile, dataDir, clock }: WorkerOptions): Promise<Reading> {
  if (profile.transport.kafka === null) return openTransport(profile.transport, dataDir);
  // a process id says nothing outside of its container: who has a copy is told among those of one host name
  const place = { dataDir, pipeline: plan.name, host: `work.${hostname()}`, clock };
  const { removeOldCopies } = await import('@millrace/transport/kafka/old-copies.ts');
  removeOldCopies(dataDir, `millrace.${plan.name}.work.`, clock.now());
  return openParts(profile.transport, place);
}

/** Waits for one, and for its topics to be known here: of those it makes that of the models is the last. Null when it is told to stop before. */
async function firstCoordinator(checkpoint: CheckpointReader, log: Log, { plan, signal, onEvent }: WorkerOptions): Promise<JobsWord | null> {
  for (let said = false; !signal.aborted; said = true) {
    const found = checkpoint.jobs();
    if (found !== null && log.topic(modelsTopic(plan.name)) !== null) return found;
    if (!said) onEvent({ level: 'info', code: 'waiting', message: `Waiting for an analyzer of ${plan.name} on this data directory.` });
    await sleep(LOOK_EVERY, undefined, { signal }).catch(() => {});
  }
  return null;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
