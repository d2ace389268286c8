import type { Host, Sink } from '../command.ts';
import { styleFor } from '../output/color.ts';
import { count, duration, rate, time } from '../output/numbers.ts';
import { progressDocument, RateMeter } from '../output/progress.ts';
import { Screen } from './screen.ts';
import type { Alert, Story } from './story.ts';
import { drawFrame } from './view.ts';

/** Shows the demo while it goes on. */
export interface Show {
  /** called a few times a second; `learnt`: alerts whose truth is new */
  tick(elapsed: number, learnt: readonly Alert[]): void;
  say(event: { readonly level: string; readonly code: string; readonly message: string }): void;
  /** what follows starts on a line of its own; may be called again */
  end(): void;
}

const PLAIN_EVERY = 3_000;
const JSON_EVERY = 1_000;

/** A picture on a terminal that can be drawn on; elsewhere a line every few seconds. On stderr, as all progress is. */
export function showFor(host: Host, story: Story, json: boolean): Show {
  if (json) return jsonShow(host.stdout, host.stderr, story);
  return host.stderr.isTerminal && host.env.TERM !== 'dumb' ? liveShow(host.stderr, host.env, story) : plainShow(host.stderr, story);
}

function liveShow(sink: Sink, env: Host['env'], story: Story): Show {
  const screen = new Screen(sink);
  const style = styleFor(sink, env);
  const meter = new RateMeter(1500);
  return {
    tick(elapsed) {
      const perSecond = meter.add(elapsed, story.records?.recordsIn ?? 0);
      screen.draw(drawFrame(story, { columns: sink.columns, rows: sink.rows, elapsed, perSecond, style }));
    },
    say({ message }) {
      story.message = message;
    },
    end: () => screen.close(),
  };
}

function plainShow(sink: Sink, story: Story): Show {
  const meter = new RateMeter();
  let shown = 0;
  return {
    tick(elapsed) {
      const perSecond = meter.add(elapsed, story.records?.recordsIn ?? 0);
      if (elapsed - shown < PLAIN_EVERY) return;
      shown = elapsed;
      sink.write(`${plainLine(story, elapsed, perSecond)}\n`);
    },
    say: ({ level, code, message }) => void sink.write(`${level} ${code} ${message}\n`),
    end: () => undefined,
  };
}

/** Where things are, in one line. */
function plainLine(story: Story, elapsed: number, perSecond: number): string {
  const { records, analyze, models, alerts, known, frauds } = story;
  const parts = [
    `${duration(elapsed).padStart(6)}  ${time(story.now).slice(0, 16)}`,
    `${count(records?.recordsIn ?? 0)} records, ${rate(perSecond)}`,
    `${count(story.behind)} behind`,
    `${count(analyze?.batches ?? 0)} batches`,
    `${count(models.length)} models`,
    `${count(alerts.length)} alerts${known.length === 0 ? '' : ` (${count(known.length)} known, ${Math.round((100 * frauds) / known.length)} % fraud)`}`,
    `${count(story.deadLetters)} dead letters`,
  ];
  return parts.join('  ');
}

/** Events on `sink`, one a line: progress every second, each model, its metrics once judged, each alert, and what it was once that is known. */
function jsonShow(sink: Sink, messages: Sink, story: Story): Show {
  const write = (event: string, rest: object): void => void sink.write(`${JSON.stringify({ event, ...rest })}\n`);
  const judged = new Set<string>();
  let shown = Number.NEGATIVE_INFINITY;
  let alerts = 0;
  let models = 0;
  const news = (): void => {
    for (; models < story.models.length; models++) {
      const { hash, promoted, model } = story.models[models] as Story['models'][number];
      const { rows, positives } = model.training;
      write('model', { hash, boundary: model.boundary, promoted, rows, positives, threshold: model.threshold });
    }
    for (const { hash, model } of story.models) {
      if (model.metrics === null || judged.has(hash)) continue;
      judged.add(hash);
      write('judged', { hash, boundary: model.boundary, ...model.metrics });
    }
    for (; alerts < story.alerts.length; alerts++) {
      const { tx, time: eventTime, card, terminal, amount, score } = story.alerts[alerts] as Alert;
      write('alert', { tx_id: tx, event_time: eventTime, customer_id: card, terminal_id: terminal, amount, score });
    }
  };
  return {
    tick(elapsed, learnt) {
      news();
      for (const { tx, fraud } of learnt) write('known', { tx_id: tx, is_fraud: fraud });
      if (elapsed - shown < JSON_EVERY || story.records === null) return;
      shown = elapsed;
      sink.write(`${JSON.stringify(progressDocument('progress', story.records, story.analyze))}\n`);
    },
    say: ({ level, code, message }) => void messages.write(`${level} ${code} ${message}\n`),
    end: news,
  };
}
