/**
 * The Handbook's training week solved by itself: `node solve.ts FILE FROM TO DELAY L2` (epoch ms) prints `{ rows, intercept, coefficients, step }`,
 * coefficients per standard deviation. Features by DuckDB, plain Newton with Gaussian elimination: it shares nothing with the analyzer but the
 * objective, Σ logloss + l2/2·‖β‖² over features standardised by mean and population std, the intercept free.
 */
import { FEATURES, transactions } from './features.ts';

const SETTLED = 1e-12;
const MOST = 100;

export interface Solution {
  readonly rows: number;
  readonly intercept: number;
  readonly coefficients: readonly number[];
  /** largest change of the last step */
  readonly step: number;
}

/** Rows of the features standardised, 1 before them. */
function standardised(rows: readonly Float64Array[]): Float64Array[] {
  const moments = FEATURES.map((_, j) => {
    const mean = rows.reduce((sum, row) => sum + row[j], 0) / rows.length;
    return { mean, std: Math.sqrt(rows.reduce((sum, row) => sum + (row[j] - mean) ** 2, 0) / rows.length) };
  });
  return rows.map((row) => Float64Array.from([1, ...moments.map(({ mean, std }, j) => (row[j] - mean) / std)]));
}

/** x of a·x = b; overwrites both. */
function solved(a: Float64Array[], b: Float64Array): Float64Array {
  const n = b.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i][k]) > Math.abs(a[pivot][k])) pivot = i;
    [a[k], a[pivot]] = [a[pivot], a[k]];
    [b[k], b[pivot]] = [b[pivot], b[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = a[i][k] / a[k][k];
      for (let j = k; j < n; j++) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = k + 1; j < n; j++) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

/** One Newton step from `beta`. */
function newton(rows: readonly Float64Array[], labels: readonly boolean[], beta: Float64Array, l2: number): Float64Array {
  const n = beta.length;
  const hessian = Array.from({ length: n }, (_, j) => Float64Array.from({ length: n }, (_, k) => (j === k && j > 0 ? l2 : 0)));
  const gradient = Float64Array.from(beta, (value, j) => (j > 0 ? l2 * value : 0));
  for (const [i, row] of rows.entries()) {
    let z = 0;
    for (let j = 0; j < n; j++) z += beta[j] * row[j];
    const p = 1 / (1 + Math.exp(-z));
    const weight = p * (1 - p);
    const residual = p - (labels[i] ? 1 : 0);
    for (let j = 0; j < n; j++) {
      gradient[j] += residual * row[j];
      for (let k = 0; k < n; k++) hessian[j][k] += weight * row[j] * row[k];
    }
  }
  return solved(hessian, gradient);
}

const [file, ...numbers] = process.argv.slice(2);
const [from, to, delay, l2] = numbers.map(Number);
const week = await transactions(file, { from, to, delay });
const rows = standardised(week.map(({ features }) => features));
const labels = week.map(({ positive }) => positive);
const beta = new Float64Array(FEATURES.length + 1);
let step = Number.POSITIVE_INFINITY;
for (let i = 0; i < MOST && step > SETTLED; i++) {
  const change = newton(rows, labels, beta, l2);
  for (let j = 0; j < beta.length; j++) beta[j] -= change[j];
  step = Math.max(...change.map(Math.abs));
}
const [intercept, ...coefficients] = beta;
console.log(JSON.stringify({ rows: rows.length, intercept, coefficients, step } satisfies Solution));
