import type { ModelMetrics } from '@millrace/shared-schemas/model.ts';
import { cardPrecision } from './card-precision.ts';
import { aucRoc, averagePrecision, brier, logLoss } from './metrics.ts';

const DAY = 86_400_000;

/** A row whose label is known by now, whatever was known then. */
export interface Outcome {
  /** event time, epoch ms */
  readonly time: number;
  /** null: the row names no card, so it is never left out and counts in no card precision */
  readonly card: string | null;
  readonly positive: boolean;
}

/** A row of the window judged; score null: the model could not score it. */
export interface ScoredOutcome extends Outcome {
  readonly score: number | null;
}

export interface Judged {
  /** event times [from, to) */
  readonly from: number;
  readonly to: number;
  readonly k: number;
  readonly rows: Iterable<ScoredOutcome>;
  readonly compromised: Compromised;
}

/** Which cards were known to be compromised on a day. */
export interface Compromised {
  knownAt(card: string, time: number): boolean;
}

/** Nothing is left out, where no column names the card. */
export const noneCompromised: Compromised = { knownAt: () => false };

/**
 * The Handbook's `get_train_test_set` in one rule (`docs/decisions/0008-evaluation.md`): on a day that begins at D a card is known to be
 * compromised when it has a positive row with event time in [trainFrom, D − knownAfter). `rows` are all rows from `trainFrom` on, in any
 * order; later ones than the days asked about change nothing. Days are UTC.
 */
export function compromisedCards(rows: Iterable<Outcome>, trainFrom: number, knownAfter: number): Compromised {
  const first = new Map<string, number>();
  for (const { time, card, positive } of rows) {
    if (!positive || card === null || time < trainFrom) continue;
    const earliest = first.get(card);
    if (earliest === undefined || time < earliest) first.set(card, time);
  }
  return {
    knownAt(card, time) {
      const earliest = first.get(card);
      return earliest !== undefined && earliest < Math.floor(time / DAY) * DAY - knownAfter;
    },
  };
}

/** Metrics over the rows of the window that have a score and whose card is not known to be compromised on their day. */
export function evaluate({ from, to, k, rows, compromised }: Judged): ModelMetrics {
  const times: number[] = [];
  const cards: string[] = [];
  const scores: number[] = [];
  const labels: number[] = [];
  const carded: number[] = [];
  for (const { time, card, positive, score } of rows) {
    if (time < from || time >= to || score === null) continue;
    if (card !== null && compromised.knownAt(card, time)) continue;
    if (card !== null) carded.push(scores.length);
    times.push(time);
    cards.push(card ?? '');
    scores.push(score);
    labels.push(positive ? 1 : 0);
  }
  const score = Float64Array.from(scores);
  const label = Uint8Array.from(labels);
  const cardScores = Float64Array.from(carded, (i) => scores[i]);
  const cardTimes = Float64Array.from(carded, (i) => times[i]);
  const cardLabels = Uint8Array.from(carded, (i) => labels[i]);
  return {
    from,
    to,
    rows: scores.length,
    positives: label.reduce((sum, it) => sum + it, 0),
    auc_roc: aucRoc(score, label),
    average_precision: averagePrecision(score, label),
    card_precision_at_k: cardPrecision(
      cardTimes,
      carded.map((i) => cards[i]),
      cardScores,
      cardLabels,
      k,
    ),
    k,
    log_loss: logLoss(score, label),
    brier: brier(score, label),
  };
}
