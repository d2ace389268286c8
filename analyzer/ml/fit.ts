import { setImmediate } from 'node:timers/promises';
import { type Dataset, usableRows } from './dataset.ts';
import type { Engine, Passes, Problem, Solution, SolverOptions } from './engine.ts';
import { float64Engine } from './float64.ts';
import { moments } from './moments.ts';
import { newton } from './newton.ts';
import { owlqn } from './owlqn.ts';

/** Up to so many features a Hessian pays. */
const MANY_FEATURES = 200;
/** A penalty above this holds a coefficient at zero. */
const HELD_AT_ZERO = 1e200;

export interface FitOptions {
  readonly l2: number;
  readonly l1: number;
  /** balanced: each class counts rows / (2 · rows of the class), as in scikit-learn */
  readonly classWeight: 'none' | 'balanced';
  /** penalties on coefficients per standard deviation; else per unit of the feature */
  readonly standardize: boolean;
  readonly engine: Engine;
}

/** How a model is fitted, whatever computes it. */
export type FitSettings = Omit<FitOptions, 'engine'>;

/** Fits a model, here or elsewhere. `values`: rows times features it was asked for, by which an engine is chosen */
export type Fit = (dataset: Dataset, settings: FitSettings, values: number) => Promise<Fitted | Unfitted>;

/** A model's numbers, on the features' own scale. */
export interface Fitted {
  readonly ok: true;
  readonly intercept: number;
  readonly coefficients: readonly number[];
  readonly scaler: { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly rows: number;
  readonly positives: number;
  /** rows that were not used: a feature is NULL or not finite */
  readonly leftOut: number;
  /** passes over the rows */
  readonly iterations: number;
  readonly converged: boolean;
  readonly engine: string;
  /** sum of weighted log losses and penalties at the solution */
  readonly objective: number;
}

/** Why there is no model: no such data has one answer. `message` is for people. */
export interface Unfitted {
  readonly ok: false;
  readonly reason: 'one_class' | 'too_few_rows' | 'separable' | 'collinear' | 'scale';
  readonly message: string;
  readonly rows: number;
  readonly positives: number;
  readonly leftOut: number;
}

/**
 * Logistic regression: minimises Σ weight·logloss + l2/2·‖β‖² + l1·‖β‖₁ over features standardised by mean and population
 * standard deviation; the intercept is free. A constant feature gets coefficient 0. Gives the thread back between passes.
 * @param passed hears of every pass over the rows
 * @throws the signal's reason
 */
export async function fit(dataset: Dataset, options: FitOptions, signal?: AbortSignal, passed: () => void = () => {}): Promise<Fitted | Unfitted> {
  const data = usableRows(dataset);
  const { rows } = data;
  const positives = data.labels.reduce((sum, it) => sum + it, 0);
  const counts = { rows, positives, leftOut: dataset.rows - rows };
  const fail = (reason: Unfitted['reason'], message: string): Unfitted => ({ ok: false, reason, message, ...counts });
  const size = data.columns.length;
  const rare = Math.min(positives, rows - positives);
  if (rows > 0 && rare === 0) return fail('one_class', `all ${rows} rows are ${positives === 0 ? 'negative' : 'positive'}`);
  if (rows < size + 1) return fail('too_few_rows', `${rows} rows for ${size} features: at least ${size + 1} are needed`);
  if (rare < 2) return fail('too_few_rows', `one row is ${positives < 2 ? 'positive' : 'negative'}: at least 2 of each class are needed`);

  const scales = data.columns.map(moments);
  const wild = scales.findIndex(({ mean, std }) => !Number.isFinite(mean) || !Number.isFinite(std) || (std > 0 && !Number.isFinite(1 / std)));
  if (wild >= 0) return fail('scale', `the values of ${data.features[wild]} are too large or too small to be standardised`);
  const active = scales.flatMap(({ std }, j) => (std > 0 && mayMove(std, options) ? [j] : []));
  const problem = problemOf(data, options, active, scales, positives);
  const solution = await solve(problem, options.engine, async () => {
    signal?.throwIfAborted();
    passed();
    await setImmediate();
  });
  const free = options.l2 === 0 && options.l1 === 0;
  if (solution.status === 'separable' || (free && solution.status !== 'converged' && !solution.first)) {
    return fail('separable', 'the features tell the classes apart without fault, so no finite coefficients are best: set l2 above 0');
  }
  if (solution.status === 'singular') return fail('collinear', 'a feature is a linear combination of others: leave it out, or raise l2');

  const coefficients = data.columns.map(() => 0);
  let intercept = solution.b[0];
  active.forEach((j, at) => {
    coefficients[j] = solution.b[at + 1] / scales[j].std;
    intercept -= coefficients[j] * scales[j].mean;
  });
  if (!Number.isFinite(intercept) || !coefficients.every(Number.isFinite))
    return fail('scale', 'the coefficients are too large for a double: scale the features');
  return {
    ok: true,
    intercept,
    coefficients,
    scaler: { mean: scales.map(({ mean }) => mean), std: scales.map(({ std }) => std) },
    ...counts,
    iterations: solution.iterations,
    converged: solution.status === 'converged',
    engine: options.engine.name,
    objective: solution.objective,
  };
}

/** Whether the penalty on a coefficient per unit leaves it anything but 0: of a feature this small it is more than a double holds. */
function mayMove(std: number, { standardize, l2, l1 }: FitOptions): boolean {
  return standardize || (!(l2 > 0 && l2 / std ** 2 > HELD_AT_ZERO) && !(l1 > 0 && l1 / std > HELD_AT_ZERO));
}

function problemOf(
  data: Dataset,
  options: FitOptions,
  active: readonly number[],
  scales: readonly { readonly mean: number; readonly std: number }[],
  positives: number,
): Problem {
  const std = Float64Array.from(active, (j) => scales[j].std);
  // a penalty on β per unit is one on β·std, which is what is solved for, divided by std (l1) or its square (l2)
  const per = (penalty: number, power: number): Float64Array => std.map((it) => (options.standardize || penalty === 0 ? penalty : penalty / it ** power));
  return {
    rows: data.rows,
    columns: active.map((j) => data.columns[j]),
    labels: data.labels,
    classWeights: options.classWeight === 'balanced' ? balanced(data, positives) : [1, 1],
    weights: data.weights,
    mean: Float64Array.from(active, (j) => scales[j].mean),
    std,
    l2: per(options.l2, 2),
    l1: per(options.l1, 1),
  };
}

function balanced({ rows, labels, weights }: Dataset, positives: number): readonly [number, number] {
  if (weights === null) return [rows / (2 * (rows - positives)), rows / (2 * positives)];
  const sums = [0, 0];
  for (let i = 0; i < rows; i++) sums[labels[i]] += weights[i];
  return [(sums[0] + sums[1]) / (2 * sums[0]), (sums[0] + sums[1]) / (2 * sums[1])];
}

/** Begins at the base rate. An engine of single precision goes first; the float64 passes then polish, its Hessians still being good for the direction. */
async function solve(problem: Problem, engine: Engine, turn: () => Promise<void>): Promise<Solution & { readonly first: boolean; readonly objective: number }> {
  const start = new Float64Array(problem.columns.length + 1);
  start[0] = baseRate(problem);
  const many = problem.columns.length > MANY_FEATURES;
  const solver = many ? owlqn : newton;
  const options: SolverOptions = { start, tolerance: many ? 1e-8 : 1e-10, maxIterations: many ? 5000 : 200, turn };
  const exact = await float64Engine.open(problem);
  let spent = 0;
  let solution: Solution | undefined;
  if (engine.precision === 'single') {
    const rough = await engine.open(problem);
    try {
      const draft = await solver(problem, rough, { ...options, tolerance: many ? 1e-4 * problem.rows : 1e-4, maxIterations: many ? 500 : 50 });
      spent = draft.iterations;
      if (draft.b.every(Number.isFinite)) {
        solution = await solver(problem, many ? exact : assisted(exact, rough), { ...options, start: draft.b });
        spent += solution.iterations;
      }
    } finally {
      rough.close();
    }
  }
  // What single precision could not settle, float64 decides alone: so all engines give the same answer to degenerate data.
  if (solution?.status !== 'converged') {
    solution = await solver(problem, exact, options);
    spent += solution.iterations;
  }
  const objective = objectiveAt(problem, exact, solution.b);
  return { ...solution, iterations: spent, first: solution.iterations === 1, objective };
}

/** Losses and gradients of one, Hessians of the other. */
function assisted(exact: Passes, rough: Passes): Passes {
  return {
    evaluate(b, gradient, hessian) {
      if (hessian !== null) rough.evaluate(b, gradient, hessian);
      return exact.evaluate(b, gradient, null);
    },
    get leastMargin() {
      return exact.leastMargin;
    },
    close() {},
  };
}

function baseRate({ labels, weights, classWeights, rows }: Problem): number {
  const sums = [0, 0];
  for (let i = 0; i < rows; i++) sums[labels[i]] += classWeights[labels[i]] * (weights === null ? 1 : weights[i]);
  return Math.log(sums[1] / sums[0]);
}

function objectiveAt({ l1, l2 }: Problem, passes: Passes, b: Float64Array): number {
  let value = passes.evaluate(b, new Float64Array(b.length), null);
  for (let j = 1; j < b.length; j++) value += (l2[j - 1] * b[j] ** 2) / 2 + l1[j - 1] * Math.abs(b[j]);
  return value;
}
