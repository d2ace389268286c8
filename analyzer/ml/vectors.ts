import { readFileSync } from 'node:fs';
import type { Dataset } from './dataset.ts';

/** A problem and scikit-learn's answer to it, as vectors/generate.py wrote them. */
export interface FitCase {
  readonly name: string;
  readonly seed: number;
  readonly rows: number;
  readonly scales: readonly number[];
  readonly shifts: readonly number[];
  readonly base: number;
  readonly l2: number;
  readonly l1: number;
  readonly class_weight: 'none' | 'balanced';
  readonly standardize: boolean;
  readonly weighted: boolean;
  readonly positives: number;
  readonly intercept: number;
  readonly coefficients: readonly number[];
}

export interface MetricCase {
  readonly name: string;
  readonly seed: number;
  readonly rows: number;
  readonly levels: number;
  readonly rate: number;
  readonly positives: number;
  readonly auc_roc: number;
  readonly average_precision: number;
  readonly log_loss: number;
  readonly brier: number;
}

function cases<T>(file: string): readonly T[] {
  return (JSON.parse(readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8')) as { cases: readonly T[] }).cases;
}

export const fitCases: readonly FitCase[] = cases('fit.json');
export const metricCases: readonly MetricCase[] = cases('metrics.json');

/** Uniform doubles in (0, 1), the same as in generate.py. */
function lehmer(seed: number): () => number {
  let x = seed;
  return () => {
    x = (x * 48271) % 2147483647;
    return x / 2147483647;
  };
}

export function datasetOf({ seed, rows, scales, shifts, base, weighted }: Pick<FitCase, 'seed' | 'rows' | 'scales' | 'shifts' | 'base' | 'weighted'>): Dataset {
  const u = lehmer(seed);
  const columns = scales.map(() => new Float64Array(rows));
  const labels = new Uint8Array(rows);
  const weights = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let z = base;
    for (let j = 0; j < scales.length; j++) {
      const v = u() + u() + u() - 1.5;
      z += v * ((j % 3) - 1);
      columns[j][i] = v * scales[j] + shifts[j];
    }
    z *= 2;
    labels[i] = u() < 0.5 + (0.5 * z) / (1 + Math.abs(z)) ? 1 : 0;
    weights[i] = 0.5 + u();
  }
  return { features: scales.map((_, j) => `f${j}`), rows, columns, labels, weights: weighted ? weights : null };
}

export function scoresOf({ seed, rows, levels, rate }: MetricCase): { scores: Float64Array; labels: Uint8Array } {
  const u = lehmer(seed);
  const scores = new Float64Array(rows);
  const labels = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    const label = u() < rate ? 1 : 0;
    const v = u();
    const score = label === 1 ? 1 - (1 - v) * (1 - v) : v * v;
    scores[i] = (Math.floor(score * levels) + 0.5) / levels;
    labels[i] = label;
  }
  return { scores, labels };
}
