import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import { expect, test } from 'vitest';
import type { Sink } from '../command.ts';
import { tempDir } from '../millrace.case.ts';
import { plainStyle, styleFor } from '../output/color.ts';
import { widthOf } from '../output/width.ts';
import { closingDocument, renderClosing } from './closing.ts';
import { freshHome, removeHome } from './home.ts';
import { Latencies } from './latencies.ts';
import { Screen } from './screen.ts';
import { showFor } from './show.ts';
import { type Alert, type Setting, Story } from './story.ts';
import { drawFrame } from './view.ts';

const DAY = 86_400_000;
const dir = tempDir();
const setting: Setting = { seed: 1, from: 0, live: 28 * DAY, to: 46 * DAY, speed: 86_400, knownAfter: 7 * DAY, alertsPerDay: 100 };
const alert = (tx: number, time: number, fraud: boolean): Alert => ({ tx, time, card: 4711, terminal: 9876, amount: 134.5, score: 0.92, fraud });
const model = (boundary: number, auc: number | null): Model =>
  ({
    boundary,
    threshold: 0.1,
    training: { rows: 67_000, positives: 560 },
    metrics: auc === null ? null : { rows: 60_000, auc_roc: auc, average_precision: 0.5, card_precision_at_k: 0.3, k: 100 },
  }) as unknown as Model;

function at(story: Story, day: number): void {
  story.records = { recordsIn: 400_000, watermark: day * DAY, deadLetters: 3, deadLettersByCode: { expression_failed: 3 } } as unknown as RunProgress;
}

function lived(): Story {
  const story = new Story(setting);
  at(story, 40);
  for (let tx = 0; tx < 60; tx++) story.addAlert(alert(tx, (30 + tx / 10) * DAY, tx % 2 === 0), 12_000 + tx);
  story.addDecision({ model: 'fraud', boundary: 28 * DAY, trained: 'a', promoted: 'a', reason: '' }, model(28 * DAY, null));
  story.addDecision({ model: 'fraud', boundary: 29 * DAY, trained: 'b', promoted: null, reason: '' }, model(29 * DAY, null));
  story.addDecision({ model: 'fraud', boundary: 1, trained: null, promoted: null, reason: 'no rows' }, null);
  story.judge('a', model(28 * DAY, 0.871));
  return story;
}

test('what an alert was is known so long after it, never before', () => {
  const story = lived();
  // until day 33
  expect(story.learn().map(({ tx }) => tx)).toEqual(Array.from({ length: 31 }, (_, i) => i));
  expect(story.learn()).toEqual([]);
  expect(story.frauds).toBe(16);
  at(story, 40.1);
  expect(story.learn().map(({ tx }) => tx)).toEqual([31]);
  at(story, Number.POSITIVE_INFINITY);
  // the end of all is day 46: what was on day 39 and before
  story.learn();
  expect(story.known).toHaveLength(60);
});

test('latencies count from the first record that is on time', () => {
  const latencies = new Latencies();
  expect(latencies.summary()).toBeNull();
  for (const ms of [9000, 4000, 1001]) latencies.add(ms);
  expect(latencies.latest).toBeNull();
  latencies.add(10);
  for (let ms = 1; ms <= 2000; ms++) latencies.add(ms);
  expect(latencies.summary()).toEqual({ p50: 1000, p99: 1980, max: 2000, records: 2001 });
});

test('history is due at once, the rest by its time', () => {
  const story = new Story(setting);
  expect([0, 28 * DAY, 29 * DAY].map((time) => story.due(time))).toEqual([0, 0, 1000]);
});

test.each([
  [80, 24],
  [120, 40],
  [112, 24],
  [40, 10],
  [200, 100],
])('a frame fits %i columns and %i rows, whatever there is to show', (columns, rows) => {
  const live = lived();
  live.learn();
  live.message = 'x'.repeat(300);
  const colored = styleFor({ isTerminal: true } as Sink, { FORCE_COLOR: '1' });
  for (const story of [new Story(setting), live])
    for (const style of [plainStyle, colored]) {
      const lines = drawFrame(story, { columns, rows, elapsed: 23_400, perSecond: 3340, style });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThan(columns);
    }
});

test('a frame of 80 by 24 tells everything', () => {
  const story = lived();
  story.learn();
  const text = drawFrame(story, { columns: 80, rows: 24, elapsed: 23_400, perSecond: 3340, style: plainStyle }).join('\n');
  for (const part of [
    'day 41 of 46, live',
    '400,000 in',
    '3,300/s',
    '3 dead letters',
    'in force 1970-01-29',
    'AUC 0.871',
    '31 known: 16 fraud',
    '4711',
    'honest',
    'Ctrl-C',
  ])
    expect(text).toContain(part);
});

test('the closing table and document say the same', () => {
  const closing = { story: lived(), finished: true, elapsed: 50_000, dataDir: '.millrace/demo', file: 'p.yaml', invocation: 'millrace' };
  expect(closingDocument(closing)).toMatchObject({
    finished: true,
    records: 400_000,
    records_per_second: 8000,
    dead_letters: 3,
    first_alert_ms: 12_000,
    models: { trained: 2, promoted: 1 },
    judged: { hash: 'a', auc_roc: 0.871, k: 100 },
    alerts: { total: 60, fraud: 30, days: 6, most_a_day: 10, budget_a_day: 100 },
    latency_ms: { to_bridge: null, to_alert: null },
  });
  const text = renderClosing(closing, plainStyle);
  for (const part of ['finished after 50.0 s', '400,000', '0.871', '50 %', '10 a day', '--data-dir .millrace/demo']) expect(text).toContain(part);
  // with nothing to tell it still stands
  expect(renderClosing({ ...closing, story: new Story(setting), finished: false, elapsed: 0, dataDir: null }, plainStyle)).toContain('stopped');
});

test('a screen gives the terminal back, once', () => {
  let text = '';
  const append = (part: string): undefined => {
    text += part;
  };
  const screen = new Screen({ isTerminal: true, columns: 80, rows: 24, write: append });
  screen.close();
  expect(text).toBe('');
  screen.draw(['a', 'b']);
  screen.draw(['c']);
  screen.close();
  screen.close();
  expect(text.split('\u001b[?1049h')).toHaveLength(2);
  expect(text.split('\u001b[?1049l')).toHaveLength(2);
  expect(text.indexOf('\u001b[?25h')).toBeGreaterThan(text.indexOf('c'));
});

test('without a terminal a line every few seconds, with --json an event each', () => {
  const texts = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof texts): Sink => ({
    isTerminal: false,
    columns: 80,
    rows: 24,
    write(part) {
      texts[name] += part;
      return undefined;
    },
  });
  const host = { stdout: sink('stdout'), stderr: sink('stderr'), env: {} } as unknown as Parameters<typeof showFor>[0];
  const story = lived();
  const plain = showFor(host, story, false);
  for (let elapsed = 0; elapsed <= 6000; elapsed += 200) plain.tick(elapsed, []);
  expect(texts.stderr.trimEnd().split('\n')).toHaveLength(2);
  expect(texts.stderr).not.toContain('\u001b');
  const json = showFor(host, story, true);
  json.tick(0, story.learn());
  json.end();
  const events = texts.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  const counts = Object.groupBy(events, ({ event }) => event);
  expect(Object.fromEntries(Object.entries(counts).map(([event, all]) => [event, all?.length]))).toEqual({
    model: 2,
    judged: 1,
    alert: 60,
    known: 31,
    progress: 1,
  });
  expect(counts.alert?.[0]).not.toHaveProperty('is_fraud');
});

test('a fresh home: what a demo left goes, anything else stays', () => {
  const home = join(dir.path, 'a', 'demo');
  freshHome(home, 'demo');
  // this process is alive, so a demo seems to run there
  expect(() => freshHome(home, 'demo')).toThrow(expect.objectContaining({ code: 'already_running' }));
  writeFileSync(join(home, 'demo.json'), JSON.stringify({ pid: 2 ** 22 + 1, started: 'x' }));
  writeFileSync(join(home, 'log.mdb'), 'old');
  freshHome(home, 'demo');
  expect(readdirSync(home)).toEqual(['demo.json']);
  removeHome(home);
  expect(existsSync(home)).toBe(false);
  const other = join(dir.path, 'photos');
  mkdirSync(other);
  writeFileSync(join(other, 'cat.png'), '');
  expect(() => freshHome(other, 'photos')).toThrow(expect.objectContaining({ code: 'already_there' }));
  expect(readdirSync(other)).toEqual(['cat.png']);
});
