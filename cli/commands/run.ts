import { resolve } from 'node:path';
import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import { FindingsError, findingsDocument, planOf, printFindings } from '../checked.ts';
import type { Call, CommandSpec } from '../command.ts';
import { shownPath } from '../files.ts';
import { defaultDataDir } from '../logs/data-dir.ts';
import { styleFor } from '../output/color.ts';
import { humanReporter, jsonReporter } from '../output/reporter.ts';
import { lastLines, renderRows } from '../output/samples.ts';
import { speaker } from '../output/speaker.ts';
import { outputsOf, type RunSummary, renderSummary, sinksOf, summaryDocument } from '../output/summary.ts';
import { resolveProfile } from '../profiles.ts';
import { invocation, version } from '../self.ts';
import { asRecords, runStages, type StagesOptions, type StagesProgress, stagesOf } from '../stages.ts';
import { statusAddress } from '../status/address.ts';
import type { Status } from '../status/start.ts';
import { stopOnSignal } from '../stop.ts';

/** sample rows of a file output that a terminal is shown when nobody says otherwise */
const SHOWN_ROWS = 5;

export const runCommand: CommandSpec = {
  name: 'run',
  summary: 'run a pipeline until Ctrl-C, or until its inputs end',
  doc: 'Lints first. Ctrl-C or SIGTERM finishes the batch, saves and exits with 0; a second Ctrl-C ends at once with 130. Started again on the same data directory it goes on where it was, also after a crash.',
  args: [{ name: '<file>', doc: 'the pipeline file' }],
  options: [
    { flags: '--until <when>', doc: 'inputs are finite: close every window at their end, then stop', choices: ['end'] },
    { flags: '--data-dir <dir>', doc: 'logs and state (default: .millrace/<name> beside the file)' },
    { flags: '--profile <profile>', doc: 'where and how to run: a name under profiles/, or a path' },
    { flags: '--only <stage>', doc: 'run one of the two stages', choices: ['preprocess', 'analyze'] },
    { flags: '--status <host:port>', doc: 'serve /metrics, /health and /ready there while it runs (port 0: any that is free); wins over http of the profile' },
    { flags: '--show <n>', doc: `rows of each file output to show at the end (default: ${SHOWN_ROWS} on a terminal)`, integer: true },
  ],
  examples: ['millrace run pipeline.yaml --until end', 'millrace run pipeline.yaml --profile production --data-dir /var/lib/shop'],
  async run(call) {
    const { host } = call;
    const [file] = call.args;
    const loaded = await load(call, file);
    if (loaded === null) return 1;
    const { plan, profile } = loaded;
    const given = call.text('dataDir');
    const dataDir = given === undefined ? (profile.checkpoint.path ?? defaultDataDir(resolve(host.cwd, file), plan.name)) : resolve(host.cwd, given);
    const untilEnd = call.text('until') === 'end';
    const only = (call.text('only') ?? null) as StagesOptions['only'];
    const at = statusAddress(call.text('status'), profile.http);
    if (profile.redis !== null && stagesOf(plan, only).includes('analyze')) await (await import('@millrace/analyzer/jobs/redis.ts')).checkRedis(profile.redis);
    const reporter = call.json ? jsonReporter(host.stdout, host.stderr, host.clock) : humanReporter(host.stderr, host.stdout, host.env, host.clock);
    const say = speaker(host, profile, (line) => reporter.say(line));
    const stop = stopOnSignal(
      host,
      () => say({ level: 'info', code: 'stopping', message: 'Finishing the batch and saving; Ctrl-C again ends at once.' }),
      () => say({ level: 'warn', code: 'impatient', message: 'Stopping took too long. What was committed stands, and the next run goes on from there.' }),
    );
    let last: StagesProgress = { records: null, analyze: null };
    let status: Status | null = null;
    const show = (now: Partial<StagesProgress>): void => {
      last = { ...last, ...now };
      const progress = last.records ?? (last.analyze && asRecords(last.analyze));
      if (progress) reporter.progress(progress, last.records && last.analyze);
    };
    try {
      if (at !== null) {
        const { startStatus } = await import('../status/start.ts');
        status = await startStatus({ at, plan, stages: stagesOf(plan, only), version, clock: host.clock, signal: stop.signal });
        say({ level: 'info', code: 'status', message: `${status.url} serves /metrics, /health and /ready.` });
      }
      last = await runStages({
        plan,
        profile,
        dataDir,
        untilEnd,
        only,
        clock: host.clock,
        signal: stop.signal,
        onRecords(records) {
          status?.records(records);
          show({ records });
        },
        onAnalyze(analyze) {
          status?.analyze(analyze);
          show({ analyze });
        },
        onBatch(batch) {
          status?.batch(batch);
          reporter.batch(batch);
        },
        onFailure: (stage, error) => status?.failed(stage, error),
        onEvent: say,
        screen: { json: call.json, write: (text) => reporter.show(text) },
      });
    } finally {
      await status?.close();
      reporter.end();
      stop.dispose();
    }
    const summary = summarize(call, plan, profile, last, dataDir, untilEnd && !stop.signal.aborted);
    await host.stdout.write(call.json ? `${JSON.stringify(summaryDocument(summary))}\n` : renderSummary(summary, styleFor(host.stdout, host.env)));
    return 0;
  },
};

/** The plan and the profile, or null when lint said no. In a stream of JSON documents the findings are an event. */
async function load(call: Call, file: string): Promise<{ plan: Plan; profile: Profile } | null> {
  try {
    return { plan: await planOf(call.host, file), profile: await resolveProfile(call.host, call.text('profile'), file) };
  } catch (error) {
    if (!(error instanceof FindingsError)) throw error;
    if (call.json) await call.host.stdout.write(`${JSON.stringify({ event: 'findings', ...findingsDocument(error.findings) })}\n`);
    await printFindings(call.host, error.findings);
    return null;
  }
}

function summarize(call: Call, plan: Plan, profile: Profile, { records, analyze }: StagesProgress, dataDir: string, finished: boolean): RunSummary {
  const { host } = call;
  const wanted = call.json ? 0 : (call.integer('show') ?? (host.stdout.isTerminal ? SHOWN_ROWS : 0));
  const shown = (path: string): string => shownPath(host.cwd, path);
  const samples = new Map<string, { rows: number; lines: string[] }>();
  const columns = host.stdout.isTerminal ? host.stdout.columns - 3 : 157;
  for (const output of filesOf(plan)) {
    if (wanted === 0) continue;
    const rows = lastLines(output.path, wanted);
    samples.set(output.id, { rows: rows.length, lines: renderRows(rows, columns, timesOf(plan)) });
  }
  return {
    pipeline: plan.name,
    finished,
    progress: records ?? asRecords(analyze as AnalyzeProgress),
    analyze: records && analyze,
    outputs: [...(records ? outputsOf(plan, records.out, shown) : []), ...(analyze ? sinksOf(plan, analyze.out, shown) : [])],
    deadLetterTopic: plan.deadLetter.topic,
    dataDir: shownPath(host.cwd, dataDir),
    ...(profile.transport.kafka === null ? {} : { brokersOf: call.text('profile') as string }),
    invocation,
    keepsTopics: profile.transport.type !== 'memory',
    samples,
  };
}

/** outputs and sinks that are one file of JSON lines */
function filesOf({ stages, analyze }: Plan): { id: string; path: string }[] {
  const outputs = stages.flatMap((stage) => stage.outputs).flatMap((output) => (output.kind === 'file' && output.format === 'json' ? [output] : []));
  const sinks = (analyze?.sinks ?? []).flatMap((sink) => (sink.type === 'file' && sink.format === 'json' && sink.partitionBy.length === 0 ? [sink] : []));
  return [...outputs, ...sinks];
}

/** Columns that hold epoch ms for sure: the ends of windows, and the event times of sources that give them as numbers. */
function timesOf(plan: Plan): ReadonlySet<string> {
  const eventTimes = plan.sources.flatMap(({ eventTime, columns }) => columns.filter(({ slot, type }) => slot === eventTime?.slot && type.kind === 'BIGINT'));
  return new Set(['window_start', 'window_end', ...eventTimes.map(({ name }) => name)]);
}
