import { resolve } from 'node:path';
import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import { FindingsError, findingsDocument, planOf, printFindings } from '../checked.ts';
import type { Call, CommandSpec, Host } from '../command.ts';
import { shownPath } from '../files.ts';
import { defaultDataDir } from '../logs/data-dir.ts';
import { styleFor } from '../output/color.ts';
import { humanReporter, jsonReporter, type Reporter } from '../output/reporter.ts';
import { lastLines, renderRows } from '../output/samples.ts';
import { outputsOf, type RunSummary, renderSummary, summaryDocument } from '../output/summary.ts';
import { resolveProfile } from '../profiles.ts';
import { invocation } from '../self.ts';
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
    { flags: '--only <stage>', doc: 'run one of the two stages', choices: ['preprocess'] },
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
    const reporter = call.json ? jsonReporter(host.stdout, host.stderr, host.clock) : humanReporter(host.stderr, host.env, host.clock);
    const say = speaker(host, profile, reporter);
    const stop = stopOnSignal(
      host,
      () => say({ level: 'info', code: 'stopping', message: 'Finishing the batch and saving; Ctrl-C again ends at once.' }),
      () => say({ level: 'warn', code: 'impatient', message: 'Stopping took too long. What was committed stands, and the next run goes on from there.' }),
    );
    let progress: RunProgress;
    try {
      const { run } = await import('@millrace/preprocessor/run.ts');
      progress = await run({
        plan,
        profile,
        dataDir,
        untilEnd,
        clock: host.clock,
        signal: stop.signal,
        onProgress: (now) => reporter.progress(now),
        onEvent: say,
      });
    } finally {
      reporter.end();
      stop.dispose();
    }
    const summary = summarize(call, plan, profile, progress, dataDir, untilEnd && !stop.signal.aborted);
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

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

interface RunEvent {
  readonly level: (typeof LEVELS)[number];
  readonly code: string;
  readonly message: string;
}

/** Messages of the run on stderr, as the profile wants them. */
function speaker(host: Host, profile: Profile, reporter: Reporter): (event: RunEvent) => void {
  const style = styleFor(host.stderr, host.env);
  const least = LEVELS.indexOf(profile.log.level);
  return ({ level, code, message }) => {
    if (LEVELS.indexOf(level) < least) return;
    if (profile.log.format === 'json') return void host.stderr.write(`${JSON.stringify({ time: host.clock.now(), level, code, message })}\n`);
    const paint = level === 'error' ? style.red : level === 'warn' ? style.yellow : style.dim;
    reporter.say(`${paint(`${level} ${code}`)} ${message}`);
  };
}

function summarize(call: Call, plan: Plan, profile: Profile, progress: RunProgress, dataDir: string, finished: boolean): RunSummary {
  const { host } = call;
  const wanted = call.json ? 0 : (call.integer('show') ?? (host.stdout.isTerminal ? SHOWN_ROWS : 0));
  const samples = new Map<string, { rows: number; lines: string[] }>();
  const columns = host.stdout.isTerminal ? host.stdout.columns - 3 : 157;
  for (const output of plan.stages.flatMap((stage) => stage.outputs)) {
    if (output.kind !== 'file' || output.format !== 'json' || wanted === 0) continue;
    const rows = lastLines(output.path, wanted);
    samples.set(output.id, { rows: rows.length, lines: renderRows(rows, columns, timesOf(plan)) });
  }
  return {
    pipeline: plan.name,
    finished,
    progress,
    outputs: outputsOf(plan, progress.out, (path) => shownPath(host.cwd, path)),
    deadLetterTopic: plan.deadLetter.topic,
    dataDir: shownPath(host.cwd, dataDir),
    invocation,
    keepsTopics: profile.transport.type !== 'memory',
    samples,
  };
}

/** Columns that hold epoch ms for sure: the ends of windows, and the event times of sources that give them as numbers. */
function timesOf(plan: Plan): ReadonlySet<string> {
  const eventTimes = plan.sources.flatMap(({ eventTime, columns }) => columns.filter(({ slot, type }) => slot === eventTime?.slot && type.kind === 'BIGINT'));
  return new Set(['window_start', 'window_end', ...eventTimes.map(({ name }) => name)]);
}
