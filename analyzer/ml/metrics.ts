/**
 * How well scores tell positive rows from others. All are as scikit-learn defines them: equal scores are one threshold, and no
 * answer depends on the order of the rows. null where the rows do not define the metric.
 */
interface Ranked {
  /** rows by score, highest first */
  readonly order: Uint32Array;
  readonly positives: number;
}

function rank(scores: Float64Array, labels: Uint8Array): Ranked {
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  order.sort((a, b) => scores[b] - scores[a]);
  return { order, positives: labels.reduce((sum, it) => sum + it, 0) };
}

/** Calls `each` for every distinct score, highest first, with the positives and rows that have it. */
function thresholds(scores: Float64Array, labels: Uint8Array, order: Uint32Array, each: (positives: number, rows: number) => void): void {
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i]];
    const first = i;
    let positives = 0;
    for (; i < order.length && scores[order[i]] === score; i++) positives += labels[order[i]];
    each(positives, i - first);
  }
}

/** Area under the receiver operating characteristic: the share of pairs of a positive and a negative row ranked rightly, ties half. */
export function aucRoc(scores: Float64Array, labels: Uint8Array): number | null {
  const { order, positives } = rank(scores, labels);
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let above = 0;
  let pairs = 0;
  thresholds(scores, labels, order, (hits, rows) => {
    pairs += (rows - hits) * (above + hits / 2);
    above += hits;
  });
  return pairs / positives / negatives;
}

/** Average precision: Σ (recall − recall before) · precision over the thresholds; no interpolation. */
export function averagePrecision(scores: Float64Array, labels: Uint8Array): number | null {
  const { order, positives } = rank(scores, labels);
  if (positives === 0) return null;
  let seen = 0;
  let found = 0;
  let sum = 0;
  thresholds(scores, labels, order, (hits, rows) => {
    seen += rows;
    found += hits;
    sum += (hits / positives) * (found / seen);
  });
  return sum;
}

/** Mean of −log of the probability given to the row's own class, which is kept at least one rounding error from 0. */
export function logLoss(scores: Float64Array, labels: Uint8Array): number | null {
  if (scores.length === 0) return null;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const p = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, scores[i]));
    sum -= labels[i] === 1 ? Math.log(p) : Math.log1p(-p);
  }
  return sum / scores.length;
}

/** Mean squared distance of the probability from the label. */
export function brier(scores: Float64Array, labels: Uint8Array): number | null {
  if (scores.length === 0) return null;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += (scores[i] - labels[i]) ** 2;
  return sum / scores.length;
}
