import type { Style } from '../output/color.ts';
import { count, duration, rate, time } from '../output/numbers.ts';
import { renderTable } from '../output/table.ts';
import type { LatencySummary } from './latencies.ts';
import type { Story } from './story.ts';

export interface Closing {
  readonly story: Story;
  /** false: stopped before the end */
  readonly finished: boolean;
  /** of the run, ms */
  readonly elapsed: number;
  /** as a person would type it; null: it is removed */
  readonly dataDir: string | null;
  /** the pipeline file as a person would type it */
  readonly file: string;
  /** how this command is called here */
  readonly invocation: string;
}

/** The last line of `demo --json`; keys are stable, latencies in ms, times epoch ms. */
export function closingDocument({ story, finished, elapsed, dataDir }: Closing): Record<string, unknown> {
  const { records, analyze, alerts, models, judged, setting } = story;
  const metrics = judged?.model.metrics ?? null;
  return {
    event: 'done',
    finished,
    elapsed_ms: Math.round(elapsed),
    seed: setting.seed,
    records: records?.recordsIn ?? 0,
    records_per_second: elapsed > 0 ? Math.round(((records?.recordsIn ?? 0) * 1000) / elapsed) : null,
    live: { days: Math.round((setting.to - setting.live) / 86_400_000), speed: setting.speed },
    bridge_rows: story.bridged,
    batches: analyze?.batches ?? 0,
    windows_closed: story.windowsClosed,
    dead_letters: story.deadLetters,
    dead_letters_by_code: { ...records?.deadLettersByCode, ...analyze?.deadLettersByCode },
    latency_ms: { to_bridge: latencyDocument(story.toBridge.summary()), to_alert: latencyDocument(story.toAlert.summary()) },
    first_alert_ms: story.firstAlert === null ? null : Math.round(story.firstAlert),
    models: { trained: models.length, promoted: models.filter(({ promoted }) => promoted).length },
    judged:
      judged === null || metrics === null
        ? null
        : {
            hash: judged.hash,
            boundary: judged.model.boundary,
            rows: metrics.rows,
            auc_roc: metrics.auc_roc,
            average_precision: metrics.average_precision,
            card_precision_at_k: metrics.card_precision_at_k,
            k: metrics.k,
          },
    alerts: {
      total: alerts.length,
      fraud: frauds(story),
      days: story.alertsByDay.size,
      most_a_day: Math.max(0, ...story.alertsByDay.values()),
      budget_a_day: setting.alertsPerDay,
    },
    data_dir: dataDir,
  };
}

function latencyDocument(summary: LatencySummary | null): Record<string, number> | null {
  if (summary === null) return null;
  const { p50, p99, max, records } = summary;
  return { p50: tenth(p50), p99: tenth(p99), max: tenth(max), records };
}

const tenth = (ms: number): number => Math.round(ms * 10) / 10;

/** the truth of all alerts, which the pipeline itself is yet to hear of the last ones */
function frauds({ alerts }: Story): number {
  return alerts.filter(({ fraud }) => fraud).length;
}

/** The same for people. */
export function renderClosing(closing: Closing, style: Style): string {
  const { story, finished, elapsed, dataDir, file, invocation } = closing;
  const { records, alerts, models, judged, setting } = story;
  const total = records?.recordsIn ?? 0;
  const caught = frauds(story);
  const days = story.alertsByDay.size;
  const promoted = models.filter(({ promoted }) => promoted).length;
  const metrics = judged?.model.metrics;
  const bridge = story.toBridge.summary();
  const alert = story.toAlert.summary();
  const rows: string[][] = [
    [
      'records',
      count(total),
      `${rate((total * 1000) / elapsed)} on the mean: ${span(setting.from, setting.live)} of history at once, then ${span(setting.live, setting.to)} live`,
    ],
    ['record to bridge', latency(bridge), bridge === null ? 'it has not caught up with history' : `p50 / p99 of ${count(bridge.records)} live records`],
    ['record to alert', latency(alert), alert === null ? 'none while it had caught up' : `p50 / p99 of ${count(alert.records)} alerts`],
    ['windows closed', count(story.windowsClosed), `in ${count(story.analyze?.batches ?? 0)} batches`],
    [
      'dead letters',
      count(story.deadLetters),
      Object.entries(records?.deadLettersByCode ?? {})
        .map(([code, n]) => `${code} ${count(n)}`)
        .join(', '),
    ],
    ['models', count(models.length), `${count(promoted)} promoted, one a day`],
    [
      'AUC ROC',
      number(metrics?.auc_roc),
      judged
        ? `the model of ${time(judged.model.boundary as number).slice(0, 10)} on the week after, ${count(metrics?.rows ?? 0)} payments`
        : 'none is judged yet: that takes two weeks',
    ],
    ['average precision', number(metrics?.average_precision), ''],
    [`card precision@${metrics?.k ?? setting.alertsPerDay}`, number(metrics?.card_precision_at_k), ''],
    [
      'alerts',
      count(alerts.length),
      days === 0
        ? ''
        : `${count(alerts.length / days)} a day, at most ${Math.max(...story.alertsByDay.values())}; the first after ${duration(story.firstAlert ?? 0)}`,
    ],
    ['of them fraud', count(caught), alerts.length === 0 ? '' : `${Math.round((100 * caught) / alerts.length)} %`],
  ];
  const lines = [
    `${style.bold('millrace demo')} ${finished ? style.green('finished') : style.yellow('stopped')} after ${duration(elapsed)}`,
    '',
    ...renderTable([{ title: '' }, { title: '', align: 'right' }, { title: '' }], rows, style, '  ').slice(1),
    '',
    ...[
      'Latencies: from when a payment is due, whether or not the machine keeps up, until',
      'a reader of the topic has it, once history is caught up with. A day begins with',
      'a wait for its model. Fraud is what the simulation knows of all alerts.',
    ].map((line) => `  ${style.dim(line)}`),
    '',
    ...(dataDir === null
      ? [`  ${style.dim('look closer')}  ${invocation} demo --keep`]
      : [
          `  ${style.dim('alerts')}   ${invocation} topic cat fraud.alerts --until end --limit 5 --data-dir ${dataDir}`,
          `  ${style.dim('models')}   ${invocation} model list ${file} --data-dir ${dataDir}`,
        ]),
    `  ${style.dim('all of it'.padEnd(dataDir === null ? 11 : 7))}  ${file}`,
  ];
  return `${lines.join('\n')}\n`;
}

const span = (from: number, to: number): string => `${Math.round((to - from) / 86_400_000)} days`;
const number = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : value.toFixed(3));

function latency(summary: LatencySummary | null): string {
  return summary === null ? '–' : `${Math.round(summary.p50)} / ${count(summary.p99)} ms`;
}
