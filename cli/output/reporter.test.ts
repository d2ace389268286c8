import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import { expect, test } from 'vitest';
import type { Sink } from '../command.ts';
import { humanReporter, jsonReporter } from './reporter.ts';

function sink(isTerminal: boolean): Sink & { text: string } {
  return {
    text: '',
    isTerminal,
    columns: 60,
    rows: 24,
    write(text) {
      this.text += text;
      return undefined;
    },
  };
}

const at = (elapsedMs: number): RunProgress => ({
  elapsedMs,
  recordsIn: elapsedMs * 10,
  out: {},
  deadLetters: 0,
  deadLettersByCode: {},
  dropped: 0,
  watermark: null,
  lag: {},
  fraction: 0.5,
  state: 'running',
  silentMs: 0,
  commits: { count: 0, snapshots: 0, ms: 0 },
  tables: { taken: 0, refused: 0 },
});

/** Twenty seconds of progress, 20 times a second. */
function play(report: (progress: RunProgress) => void, clock: { ms: number }): void {
  for (clock.ms = 50; clock.ms <= 20_000; clock.ms += 50) report(at(clock.ms));
}

const ticking = (clock: { ms: number }) => ({ now: () => clock.ms, monotonic: () => clock.ms, cpu: () => clock.ms });

test('on a terminal one line is redrawn, and removed at the end', () => {
  const clock = { ms: 0 };
  const out = sink(true);
  const reporter = humanReporter(out, out, {}, ticking(clock));
  play(reporter.progress, clock);
  expect(out.text).not.toContain('\n');
  const drawn = out.text.split('\r').length - 1;
  expect(drawn).toBeGreaterThan(50);
  expect(drawn).toBeLessThanOrEqual(200);
  out.text = '';
  reporter.say('warn paused it stands still');
  expect(out.text).toContain('\r\u001b[Kwarn paused it stands still\n');
  out.text = '';
  reporter.show('Batch 1\nx\n');
  expect(out.text.startsWith('\r\u001b[KBatch 1\nx\n')).toBe(true);
  expect(out.text.at(-1)).not.toBe('\n');
  out.text = '';
  reporter.end();
  expect(out.text).toBe('\r\u001b[K');
});

test('elsewhere a line every few seconds, without escapes', () => {
  const clock = { ms: 0 };
  const out = sink(false);
  const reporter = humanReporter(out, out, {}, ticking(clock));
  play(reporter.progress, clock);
  reporter.end();
  const lines = out.text.split('\n').filter(Boolean);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toBe('5.0 s  50,000 in  10,000/s  0 out  ██████████░░░░░░░░░░ 50%');
});

test('a run shorter than that says nothing', () => {
  const clock = { ms: 0 };
  const out = sink(false);
  humanReporter(out, out, {}, ticking(clock)).progress(at(100));
  expect(out.text).toBe('');
});

test('for machines a document a second', () => {
  const clock = { ms: 0 };
  const out = sink(false);
  const messages = sink(false);
  const reporter = jsonReporter(out, messages, ticking(clock));
  play(reporter.progress, clock);
  reporter.say('info stopping');
  expect(messages.text).toBe('info stopping\n');
  const documents = out.text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(documents).toHaveLength(20);
  expect(documents[0]).toMatchObject({ event: 'progress', records_in: 500 });
});
