import type { Style } from '../output/color.ts';
import { count, duration, rate, time } from '../output/numbers.ts';
import { cut, widthOf } from '../output/width.ts';
import type { Alert, Story } from './story.ts';

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  /** ms since the demo began */
  readonly elapsed: number;
  readonly perSecond: number;
  readonly style: Style;
}

const DAY = 86_400_000;
/** lines that are no list */
const FIXED = 15;
/** from this width on the two lists stand side by side */
const WIDE = 116;
const LIST = 55;
const LABEL = 9;

/** The demo as it stands, at most `rows` lines of less than `columns` each. */
export function drawFrame(story: Story, frame: Frame): string[] {
  const { columns, rows, style } = frame;
  const width = columns - 1;
  const wide = columns >= WIDE;
  const room = Math.max(2, rows - FIXED + (wide ? 3 : 0));
  const came = wide ? room : Math.ceil(room * 0.6);
  const alerts = list(story.alerts.slice(-came).reverse(), came, style, () => '');
  const truth = list(story.known.slice(-(wide ? room : room - came)).reverse(), wide ? room : room - came, style, (alert) =>
    alert.fraud ? style.red('fraud') : style.dim('honest'),
  );
  const headings = [
    `${style.bold('alerts as they come')}${style.dim(`  at most ${story.setting.alertsPerDay} cards a day`)}`,
    `${style.bold('what they were')}${style.dim(`  known ${Math.round(story.setting.knownAfter / DAY)} days later`)}`,
  ] as const;
  const lists = wide ? beside([headings[0], ...alerts], [headings[1], ...truth], style) : [headings[0], ...alerts, '', headings[1], ...truth];
  const lines = [...head(story, frame), '', ...facts(story, frame), '', ...lists, '', foot(story, frame)];
  return lines.slice(0, rows).map((line) => (widthOf(line) > width ? cut(plain(line), width) : line));
}

function head(story: Story, { columns, elapsed, style }: Frame): string[] {
  const title = ` ${style.bold('millrace demo')}  ${style.dim('card fraud, caught on embedded logs')}`;
  const clock = duration(Math.floor(elapsed / 1000) * 1000).replace('.0 s', ' s');
  const { from, live, to } = story.setting;
  const { now } = story;
  const share = (now - from) / (to - from);
  const day = Math.min(Math.floor((now - from) / DAY) + 1, Math.round((to - from) / DAY));
  const stage = story.records === null ? 'starting' : now < live ? 'history' : now >= to ? 'the end' : 'live';
  // as wide whatever it says, so that the bar beside it stands still
  const what = `day ${String(day).padStart(2)} of ${Math.round((to - from) / DAY)}, ${stage.padEnd(8)}`;
  const cells = Math.max(4, columns - 1 - (LABEL + 3 + 16 + 2) - 2 - widthOf(what));
  const past = Math.round(((live - from) / (to - from)) * cells);
  const full = Math.round(share * cells);
  const bar = style.dim('▒'.repeat(Math.min(full, past))) + style.green('█'.repeat(Math.max(0, full - past))) + style.dim('░'.repeat(cells - full));
  return [
    `${title}${' '.repeat(Math.max(2, columns - 2 - widthOf(title) - widthOf(clock)))}${style.dim(clock)}`,
    labelled('time', `${style.bold(time(now).slice(0, 16))}  ${bar}  ${what}`, style),
  ];
}

function facts(story: Story, { perSecond, columns, style }: Frame): string[] {
  const { records, analyze, batch, alerts, known, frauds, models, judged, setting } = story;
  const newest = models.at(-1);
  const dead = story.deadLetters;
  const row = (label: string, parts: readonly string[]): string => labelled(label, fit(parts, columns - LABEL - 4), style);
  return [
    row('records', [
      `${style.bold(count(records?.recordsIn ?? 0))} in`,
      rate(perSecond),
      records?.watermark == null ? 'no watermark yet' : `watermark ${time(records.watermark).slice(5, 19)}`,
      dead === 0 ? 'no dead letters' : style.yellow(`${count(dead)} dead letter${dead === 1 ? '' : 's'}`),
    ]),
    row('bridge', [`${style.bold(count(story.bridged))} rows`, `${count(story.behind)} behind`, delay(story)]),
    row('batches', [
      style.bold(count(analyze?.batches ?? 0)),
      batch === null ? 'none yet' : `the last ${count(batch.numInputRows)} rows in ${Math.round(batch.batchDuration)} ms`,
      `${count(story.windowsClosed)} windows closed`,
    ]),
    row(
      'models',
      newest === undefined
        ? [`${style.bold('0')}`, 'the first is due with the first live day']
        : [
            style.bold(count(models.length)),
            `in force ${day(models.findLast(({ promoted }) => promoted)?.model.boundary)}`,
            `trained on ${count(newest.model.training.rows)} payments, ${count(newest.model.training.positives)} frauds`,
          ],
    ),
    row(
      'judged',
      judged === null
        ? [style.dim('two weeks after it was trained, when its next week is known')]
        : [
            `the one of ${day(judged.model.boundary)}`,
            `AUC ${style.bold(score(judged.model.metrics?.auc_roc))}`,
            `AP ${style.bold(score(judged.model.metrics?.average_precision))}`,
            `CP@${judged.model.metrics?.k} ${style.bold(score(judged.model.metrics?.card_precision_at_k))}`,
          ],
    ),
    row('alerts', [
      `${style.bold(count(alerts.length))}`,
      `today ${count(story.alertsToday)} of ${count(setting.alertsPerDay)}`,
      known.length === 0
        ? style.dim('none known yet')
        : `${count(known.length)} known: ${style.red(`${count(frauds)} fraud`)}, precision ${Math.round((100 * frauds) / known.length)} %`,
    ]),
  ];
}

function delay(story: Story): string {
  const latency = story.toBridge.latest;
  return latency === null ? 'catching up with history' : `${count(latency)} ms after a payment was due`;
}

function foot(story: Story, { columns, style }: Frame): string {
  return style.dim(` ${cut(story.message === '' ? 'Ctrl-C ends it.' : story.message, columns - 3)}`);
}

function list(alerts: readonly Alert[], lines: number, style: Style, end: (alert: Alert) => string): string[] {
  const titles = style.dim(`${'time'.padEnd(14)} ${'card'.padStart(6)} ${'terminal'.padStart(8)} ${'amount'.padStart(8)}  score`);
  const drawn = alerts.map((alert) => {
    const amount = alert.amount.toFixed(2).padStart(8);
    const filled = Math.round(alert.score * 5);
    const bar = `${style.yellow('━'.repeat(filled))}${' '.repeat(5 - filled)}`;
    const { card, terminal } = alert;
    return `${time(alert.time).slice(5, 19)} ${String(card).padStart(6)} ${String(terminal).padStart(8)} ${amount}   ${alert.score.toFixed(2)} ${end(alert) === '' ? bar : end(alert)}`;
  });
  return [titles, ...drawn, ...Array.from({ length: Math.max(0, lines - 1 - drawn.length) }, () => '')].slice(0, lines).map((line) => `  ${line}`);
}

/** two lists, as high as the higher one */
function beside(left: readonly string[], right: readonly string[], style: Style): string[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
    const first = left[i] ?? '';
    return `${first}${' '.repeat(Math.max(0, LIST - widthOf(first)))}${style.dim('│')} ${right[i] ?? ''}`;
  });
}

const labelled = (label: string, text: string, style: Style): string => ` ${style.dim(label.padEnd(LABEL))}  ${text}`;

/** As many of the parts as there is room for, at least the first. */
function fit(parts: readonly string[], width: number): string {
  let line = parts[0] ?? '';
  for (const part of parts.slice(1)) {
    if (widthOf(line) + 3 + widthOf(part) > width) break;
    line += `   ${part}`;
  }
  return line;
}

/** escapes taken out, so that it can be cut */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const plain = (text: string): string => text.replace(/\u001b\[[\d;]*m/g, '');

const score = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : value.toFixed(3));
const day = (ms: number | null | undefined): string => (ms === null || ms === undefined ? '–' : time(ms).slice(0, 10));
