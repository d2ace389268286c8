import { readFileSync } from 'node:fs';
import { readExposition, told } from '@millrace/runtime/exposition.case.ts';
import { afterEach, expect, test } from 'vitest';
import { startWorkerStatus, type WorkerStatus } from './worker.ts';

let status: WorkerStatus | undefined;
afterEach(() => status?.close());

async function start() {
  const stop = new AbortController();
  status = await startWorkerStatus({ at: { host: '127.0.0.1', port: 0, token: null }, pipeline: 'minutes', version: '1.2.3', signal: stop.signal });
  const { url } = status;
  const ready = async (): Promise<unknown> => {
    const response = await fetch(`${url}/ready`);
    const { status: said, reasons } = (await response.json()) as { status: string; reasons: string[] };
    expect(said).toBe(response.status === 200 ? 'ok' : 'unavailable');
    return [response.status, ...reasons];
  };
  return { status, stop, url, ready };
}

test('a worker is ready once an analyzer hands out jobs, and while Redis is there', async () => {
  const { status, stop, url, ready } = await start();
  expect(await ready()).toEqual([503, 'no analyzer hands out jobs yet']);
  status.hear('waiting');
  expect(await ready()).toEqual([503, 'no analyzer hands out jobs yet']);
  status.hear('working');
  expect(await ready()).toEqual([200]);
  status.hear('redis_away');
  expect(await ready()).toEqual([503, 'the connection to Redis is lost']);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  status.hear('redis_back');
  expect(await ready()).toEqual([200]);
  stop.abort();
  expect(await ready()).toEqual([503, 'it is stopping']);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test('it tells of its jobs, under the names that docs/operations.md has', async () => {
  const { status, url } = await start();
  const scrape = async () => readExposition(await (await fetch(`${url}/metrics`)).text());
  expect(told(await scrape(), 'millrace_worker_jobs_total')).toBe(0);
  status.jobDone();
  status.jobDone();
  const metrics = await scrape();
  expect(told(metrics, 'millrace_worker_jobs_total')).toBe(2);
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  for (const name of metrics.keys()) expect(page).toContain(`| \`${name}\` |`);
  expect(metrics.has('process_resident_memory_bytes')).toBe(true);
});
