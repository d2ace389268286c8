/**
 * What is minimised: Σ weight·logloss(label, b₀ + Σ bⱼ·(xⱼ − meanⱼ)/stdⱼ) + Σ (l2ⱼ/2·bⱼ² + l1ⱼ·|bⱼ|). It is always
 * solved over standardised features; where the user wants the penalty on raw ones, l2ⱼ and l1ⱼ say so.
 */
export interface Problem {
  readonly rows: number;
  readonly columns: readonly Float64Array[];
  readonly labels: Uint8Array;
  /** weight of a row by its label, times its own where rows have one */
  readonly classWeights: readonly [negative: number, positive: number];
  readonly weights: Float64Array | null;
  readonly mean: Float64Array;
  /** none is 0: constant columns are not part of a problem */
  readonly std: Float64Array;
  readonly l2: Float64Array;
  readonly l1: Float64Array;
}

/** Sums over all rows of a problem, without the penalties. Vectors hold the intercept first. */
export interface Passes {
  /**
   * Gives the log loss at `b`; fills its gradient, and where asked the Hessian (row-major, both triangles). Sets `leastMargin`.
   */
  evaluate(b: Float64Array, gradient: Float64Array, hessian: Float64Array | null): number;
  /** the least (2·label − 1)·log-odds of the last evaluation: above 0 when `b` separates the classes. NaN where an engine does not tell */
  readonly leastMargin: number;
  close(): void;
}

/** Does the passes over the rows. The solvers are the same for all engines. */
export interface Engine {
  /** as models name it in `training.engine` */
  readonly name: string;
  /** 'single': sums good to some 1e-5, which the float64 passes then polish */
  readonly precision: 'single' | 'double';
  open(problem: Problem): Promise<Passes>;
}

/** What a solver found, over standardised features. */
export interface Solution {
  /** intercept first */
  readonly b: Float64Array;
  /** passes over the rows */
  readonly iterations: number;
  readonly status: 'converged' | 'stopped' | 'singular' | 'separable';
}

export interface SolverOptions {
  /** where to begin, intercept first */
  readonly start: Float64Array;
  /** largest change of a coefficient, relative to the largest coefficient or 1, that counts as none */
  readonly tolerance: number;
  readonly maxIterations: number;
  /** called before each pass; throws to end the fit */
  readonly turn: () => Promise<void>;
}
