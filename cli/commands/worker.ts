import { resolve } from 'node:path';
import type { AnalyzedPlan } from '@millrace/analyzer/run-options.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { planOf } from '../checked.ts';
import type { CommandSpec } from '../command.ts';
import { defaultDataDir } from '../logs/data-dir.ts';
import { speaker } from '../output/speaker.ts';
import { resolveProfile } from '../profiles.ts';
import { version } from '../self.ts';
import { statusAddress } from '../status/address.ts';
import type { WorkerStatus } from '../status/worker.ts';
import { stopOnSignal } from '../stop.ts';

export const workerCommand: CommandSpec = {
  name: 'worker',
  summary: "work on the analyzer's batches beside the process that runs it",
  doc: 'For a profile with redis: the analyzer (run, or run --only analyze) hands out the partitions of each batch as jobs, and every worker takes some of them. Start as many as there are cores, with the same file, profile and data directory. One may be killed at any time: another does its job. Ctrl-C or SIGTERM finishes the job in hand.',
  args: [{ name: '<file>', doc: 'the pipeline file' }],
  options: [
    { flags: '--profile <profile>', doc: 'the profile of the run: a name under profiles/, or a path' },
    { flags: '--data-dir <dir>', doc: 'the data directory of the run (default: .millrace/<name> beside the file)' },
    { flags: '--status <host:port>', doc: 'serve /metrics, /health and /ready there while it works (port 0: any that is free); wins over http of the profile' },
  ],
  examples: ['millrace worker pipeline.yaml --profile production'],
  async run(call) {
    const { host } = call;
    const [file] = call.args;
    const plan = await planOf(host, file);
    const profile = await resolveProfile(host, call.text('profile'), file);
    const { redis } = profile;
    if (redis === null)
      throw new MillraceError('wrong_usage', 'The profile names no Redis, so nobody hands out jobs.', {
        hint: 'Add redis: { url: redis://localhost:6379 } to it.',
      });
    if (plan.analyze === null) throw new MillraceError('wrong_usage', `${file} has no analyze section, so it has no batches.`);
    const given = call.text('dataDir');
    const dataDir = given === undefined ? (profile.checkpoint.path ?? defaultDataDir(resolve(host.cwd, file), plan.name)) : resolve(host.cwd, given);
    const at = statusAddress(call.text('status'), profile.http);
    const say = speaker(host, profile, (line) => void host.stderr.write(`${line}\n`));
    const stop = stopOnSignal(host);
    let status: WorkerStatus | null = null;
    try {
      if (at !== null) {
        const { startWorkerStatus } = await import('../status/worker.ts');
        status = await startWorkerStatus({ at, pipeline: plan.name, version, signal: stop.signal });
        say({ level: 'info', code: 'status', message: `${status.url} serves /metrics, /health and /ready.` });
      }
      const { runWorker } = await import('@millrace/analyzer/jobs/run-worker.ts');
      const jobs = await runWorker({
        plan: plan as AnalyzedPlan,
        profile: { ...profile, redis },
        dataDir,
        clock: host.clock,
        signal: stop.signal,
        onEvent(event) {
          status?.hear(event.code);
          say(event);
        },
        onJob: () => status?.jobDone(),
      });
      await host.stdout.write(call.json ? `${JSON.stringify({ pipeline: plan.name, jobs })}\n` : `${plan.name}: ${jobs} jobs done.\n`);
    } finally {
      await status?.close();
      stop.dispose();
    }
    return 0;
  },
};
