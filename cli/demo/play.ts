import type { AnalyzedPlan } from '@millrace/analyzer/run-options.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile } from '@millrace/pipeline/profile.ts';
import { openEmbedded } from '@millrace/transport/embedded/open.ts';
import type { Host } from '../command.ts';
import { runStages } from '../stages.ts';
import { stopOnSignal } from '../stop.ts';
import { type Show, showFor } from './show.ts';
import { type Setting, Story } from './story.ts';
import { Watcher } from './watcher.ts';

const TICK_MS = 200;
const DAY = 86_400_000;

export interface Played {
  readonly story: Story;
  /** false: stopped before the end */
  readonly finished: boolean;
  /** ms */
  readonly elapsed: number;
}

/** Runs the app in a fresh data directory and shows it meanwhile. Throws what the run throws. */
export async function playDemo(host: Host, plan: Plan, dataDir: string, json: boolean): Promise<Played> {
  const story = new Story(settingOf(plan));
  const show = showFor(host, story, json);
  try {
    return { story, ...(await play(host, plan as AnalyzedPlan, dataDir, story, show)) };
  } finally {
    show.end();
  }
}

function settingOf({ sources, models }: Plan): Setting {
  const generator = sources[0]?.generator;
  const [model] = models;
  if (!generator?.cardFraud || !model?.label) throw new Error('the fraud detection app is not what it was');
  const { start, warmUp, days, speed } = generator.cardFraud;
  return {
    seed: generator.seed,
    from: start,
    live: start + warmUp * DAY,
    to: start + (days as number) * DAY,
    speed: speed as number,
    knownAfter: model.label.knownAfter,
    alertsPerDay: model.evaluate.alertsPerDay,
  };
}

/** Runs both stages to the end of the payments, or until Ctrl-C, with someone who looks on. */
async function play(host: Host, plan: AnalyzedPlan, dataDir: string, story: Story, show: Show): Promise<{ finished: boolean; elapsed: number }> {
  const { clock } = host;
  const wake = new SharedArrayBuffer(8);
  const transport = openEmbedded(dataDir, { wake });
  const exit = (code: number): void => {
    show.end();
    host.exit(code);
  };
  const stop = stopOnSignal({ ...host, exit }, () => show.say({ level: 'info', code: 'stopping', message: 'Finishing the batch; Ctrl-C again ends at once.' }));
  const [begun, start] = [clock.now(), clock.monotonic()];
  const elapsed = (): number => clock.monotonic() - start;
  const watcher = new Watcher({
    story,
    transport,
    dataDir,
    pipeline: plan.name,
    bridge: topicOf(plan, 'bridge'),
    alerts: topicOf(plan, 'alerts'),
    clock,
    begun,
  });
  // who looks on and cannot ends the run
  const blind = new AbortController();
  watcher.done.catch(() => blind.abort());
  const tick = (): void => show.tick(elapsed(), story.learn());
  const ticking = setInterval(tick, TICK_MS);
  try {
    await runStages({
      plan,
      profile: defaultProfile,
      dataDir,
      untilEnd: true,
      only: null,
      clock,
      signal: AbortSignal.any([stop.signal, blind.signal]),
      wake,
      begun,
      onRecords: (records) => {
        story.records = records;
      },
      onAnalyze: (analyze) => {
        story.analyze = analyze;
      },
      onBatch: (batch) => story.addBatch(batch),
      onEvent: (event) => show.say(event),
      screen: { json: false, write: () => undefined },
    });
    await watcher.close();
    tick();
    return { finished: !stop.signal.aborted, elapsed: elapsed() };
  } finally {
    clearInterval(ticking);
    stop.dispose();
    await watcher.close().catch(() => undefined);
    await transport.close();
  }
}

function topicOf(plan: Plan, id: string): string {
  for (const output of plan.stages.flatMap((stage) => stage.outputs)) if (output.id === id && output.kind === 'topic') return output.topic;
  throw new Error(`the fraud detection app has no topic ${id}`);
}
