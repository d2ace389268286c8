import type { HttpProfile } from '@millrace/pipeline/profile.ts';
import { buildInfo } from './build-info.ts';
import { Metrics } from './prometheus.ts';
import { type Answer, serve } from './server.ts';

export interface WorkerStatusOptions {
  readonly at: HttpProfile;
  readonly pipeline: string;
  readonly version: string;
  /** told to stop: it finishes the job in hand */
  readonly signal: AbortSignal;
}

/** The status of a worker, as its server tells it. */
export interface WorkerStatus {
  readonly url: string;
  /** to be given the code of everything that it says of itself */
  hear(code: string): void;
  jobDone(): void;
  close(): Promise<void>;
}

/** Listens and answers `/metrics`, `/health` and `/ready` until closed. Throws `MillraceError` address_exposed or address_unusable. */
export async function startWorkerStatus({ at, pipeline, version, signal }: WorkerStatusOptions): Promise<WorkerStatus> {
  let working = false;
  let away = false;
  let jobs = 0;
  const metrics = new Metrics({ pipeline });
  metrics.add(buildInfo(version));
  metrics.add({ kind: 'counter', name: 'millrace_worker_jobs_total', help: 'Jobs that this worker has done.', labels: [], read: () => [[{}, jobs]] });
  metrics.addProcess();
  const reasons = (): string[] => [
    ...(working ? [] : ['no analyzer hands out jobs yet']),
    ...(away ? ['the connection to Redis is lost'] : []),
    ...(signal.aborted ? ['it is stopping'] : []),
  ];
  const probed = (why: readonly string[]): Answer => {
    const document = { status: why.length === 0 ? 'ok' : 'unavailable', pipeline, reasons: why, jobs };
    return { status: why.length === 0 ? 200 : 503, type: 'application/json; charset=utf-8', body: `${JSON.stringify(document)}\n` };
  };
  const server = await serve(at, {
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
    // no answer is the sign of a dead one: all that it waits for comes back by itself
    '/health': () => probed([]),
    '/ready': () => probed(reasons()),
  });
  return {
    url: server.url,
    hear(code) {
      if (code === 'working') working = true;
      else if (code === 'redis_away') away = true;
      else if (code === 'redis_back') away = false;
    },
    jobDone() {
      jobs++;
    },
    close: () => server.close(),
  };
}
