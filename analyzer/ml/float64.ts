import type { Engine, Passes, Problem } from './engine.ts';

/** Rows of a block: with sixteen columns of doubles it stays in a core's own cache. */
const BLOCK = 512;

/** The reference engine: doubles all the way, one thread, no copy of the data. */
export const float64Engine: Engine = { name: 'float64', precision: 'double', open: async (problem) => new Float64Passes(problem) };

/**
 * Standardises a block of rows into scratch memory and takes all its sums there, column by column. Sums of blocks are added up
 * outside, so rounding errors grow with the size of a block, not with the number of rows.
 */
class Float64Passes implements Passes {
  leastMargin = Number.NaN;
  private readonly problem: Problem;
  private readonly width: number;
  /** standardised columns of the block, one after the other; the first is all ones */
  private readonly block: Float64Array;
  private readonly odds = new Float64Array(BLOCK);
  private readonly residual = new Float64Array(BLOCK);
  private readonly curvature = new Float64Array(BLOCK);
  private readonly scaled = new Float64Array(BLOCK);

  constructor(problem: Problem) {
    this.problem = problem;
    this.width = problem.columns.length + 1;
    this.block = new Float64Array(this.width * BLOCK).fill(1, 0, BLOCK);
  }

  evaluate(b: Float64Array, gradient: Float64Array, hessian: Float64Array | null): number {
    gradient.fill(0);
    hessian?.fill(0);
    this.leastMargin = Number.POSITIVE_INFINITY;
    let loss = 0;
    for (let start = 0; start < this.problem.rows; start += BLOCK) {
      const count = Math.min(BLOCK, this.problem.rows - start);
      this.fill(start, count, b);
      loss += this.logistic(start, count);
      this.addGradient(count, gradient);
      if (hessian !== null) this.addHessian(count, hessian);
    }
    if (hessian !== null) mirror(hessian, this.width);
    return loss;
  }

  close(): void {}

  /** Standardises the block and takes its log-odds. */
  private fill(start: number, count: number, b: Float64Array): void {
    const { block, odds, problem } = this;
    odds.fill(b[0], 0, count);
    for (let j = 1; j < this.width; j++) {
      const column = problem.columns[j - 1];
      const mean = problem.mean[j - 1];
      const scale = 1 / problem.std[j - 1];
      const weight = b[j];
      const at = j * BLOCK;
      for (let i = 0; i < count; i++) {
        const x = (column[start + i] - mean) * scale;
        block[at + i] = x;
        odds[i] += weight * x;
      }
    }
  }

  /** Loss, residuals and curvatures of the block, all from e = exp(−|log-odds|): nothing overflows, nothing cancels. */
  private logistic(start: number, count: number): number {
    const { odds, residual, curvature } = this;
    const { labels, weights, classWeights } = this.problem;
    let loss = 0;
    let least = this.leastMargin;
    for (let i = 0; i < count; i++) {
      const z = odds[i];
      const label = labels[start + i];
      const weight = classWeights[label] * (weights === null ? 1 : weights[start + i]);
      const margin = label === 1 ? z : -z;
      if (margin < least) least = margin;
      const e = Math.exp(-Math.abs(z));
      const wrong = margin >= 0 ? e / (1 + e) : 1 / (1 + e);
      loss += weight * (Math.log1p(e) + (margin < 0 ? -margin : 0));
      residual[i] = label === 1 ? -weight * wrong : weight * wrong;
      curvature[i] = (weight * e) / ((1 + e) * (1 + e));
    }
    this.leastMargin = least;
    return loss;
  }

  private addGradient(count: number, gradient: Float64Array): void {
    for (let j = 0; j < this.width; j++) gradient[j] += dot(this.residual, this.block, j * BLOCK, count);
  }

  private addHessian(count: number, hessian: Float64Array): void {
    const { block, curvature, scaled, width } = this;
    for (let j = 0; j < width; j++) {
      const at = j * BLOCK;
      for (let i = 0; i < count; i++) scaled[i] = curvature[i] * block[at + i];
      for (let k = 0; k <= j; k++) hessian[j * width + k] += dot(scaled, block, k * BLOCK, count);
    }
  }
}

/** a · b[at …], in four sums that do not wait for each other. */
function dot(a: Float64Array, b: Float64Array, at: number, count: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    s0 += a[i] * b[at + i];
    s1 += a[i + 1] * b[at + i + 1];
    s2 += a[i + 2] * b[at + i + 2];
    s3 += a[i + 3] * b[at + i + 3];
  }
  for (; i < count; i++) s0 += a[i] * b[at + i];
  return s0 + s1 + (s2 + s3);
}

function mirror(matrix: Float64Array, width: number): void {
  for (let j = 0; j < width; j++) for (let k = 0; k < j; k++) matrix[k * width + j] = matrix[j * width + k];
}
