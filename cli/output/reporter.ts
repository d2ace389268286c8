import type { BatchProgress } from '@millrace/analyzer/batch/progress.ts';
import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import type { Sink } from '../command.ts';
import type { StageProgress } from '../stages.ts';
import { type Style, styleFor } from './color.ts';
import { progressDocument, progressLine, RateMeter } from './progress.ts';

/** Shows a run while it goes on. */
export interface Reporter {
  progress(progress: StageProgress, analyze?: AnalyzeProgress | null): void;
  /** a batch of the analyzer is done */
  batch(batch: BatchProgress): void;
  /** a line that must not be torn by the live one */
  say(line: string): void;
  /** rows that a console sink shows, whole lines, on standard output */
  show(text: string): void;
  /** removes the live line, so that what follows starts at the left */
  end(): void;
}

const CLEAR = '\r\u001b[K';
/** ms between redraws on a terminal, between lines elsewhere, and between JSON lines */
const REDRAW = 100;
const PLAIN_EVERY = 5_000;
const JSON_EVERY = 1_000;

/** One live line on a terminal; elsewhere a line every few seconds, so that logs stay short. Writes to stderr, rows to stdout. */
export function humanReporter(sink: Sink, stdout: Sink, env: Readonly<Record<string, string | undefined>>, clock: Clock): Reporter {
  const live = sink.isTerminal && env.TERM !== 'dumb';
  const style: Style = styleFor(sink, env);
  const meter = new RateMeter();
  const begun = clock.monotonic();
  let shown = live ? Number.NEGATIVE_INFINITY : begun;
  let drawn = '';
  return {
    progress(progress, analyze = null) {
      const perSecond = meter.add(progress.elapsedMs, progress.recordsIn);
      const now = clock.monotonic();
      if (now - shown < (live ? REDRAW : PLAIN_EVERY)) return;
      shown = now;
      if (!live) return void sink.write(`${progressLine(progress, perSecond, 200, style, analyze).trimStart()}\n`);
      drawn = progressLine(progress, perSecond, sink.columns, style, analyze);
      sink.write(CLEAR + drawn);
    },
    batch: () => undefined,
    say: (line) => void sink.write(`${live && drawn !== '' ? CLEAR : ''}${line}\n${live ? drawn : ''}`),
    show(text) {
      if (live && drawn !== '') sink.write(CLEAR);
      stdout.write(text);
      if (live) sink.write(drawn);
    },
    end() {
      if (live && drawn !== '') sink.write(CLEAR);
      drawn = '';
    },
  };
}

/** A document a line on `sink`, at most one a second while running; messages stay on `messages`. */
export function jsonReporter(sink: Sink, messages: Sink, clock: Clock): Reporter {
  let shown = Number.NEGATIVE_INFINITY;
  return {
    progress(progress, analyze = null) {
      const now = clock.monotonic();
      if (now - shown < JSON_EVERY) return;
      shown = now;
      sink.write(`${JSON.stringify(progressDocument('progress', progress, analyze))}\n`);
    },
    batch: (batch) => void sink.write(`${JSON.stringify({ event: 'batch', ...batch })}\n`),
    say: (line) => void messages.write(`${line}\n`),
    show: (text) => void sink.write(text),
    end: () => undefined,
  };
}
