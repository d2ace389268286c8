import { solveCholesky } from './cholesky.ts';
import type { Passes, Problem, Solution, SolverOptions } from './engine.ts';

const SUFFICIENT = 1e-4;
/** Below this share of the objective its rounding errors decide a comparison: steps are taken as they are. */
const NOISE = 1e-11;
/** Inside the noise steps must go on shrinking by half; so many that do not are the end. */
const NOISY_STEPS = 3;
/** The largest last step, relative as `tolerance`, with which that end still counts as converged. */
const GOOD_ENOUGH = 1e-7;
const HALVINGS = 40;

/**
 * Newton's method (iteratively reweighted least squares), each step halved until the objective falls enough. With l1 the step
 * minimises the quadratic model plus the penalty, by coordinate descent (the proximal Newton method: Lee, Sun & Saunders, 2014).
 */
export async function newton(problem: Problem, passes: Passes, options: SolverOptions): Promise<Solution> {
  const size = problem.columns.length + 1;
  const free = problem.l2.every((it) => it === 0) && problem.l1.every((it) => it === 0);
  const gradient = new Float64Array(size);
  const hessian = new Float64Array(size * size);
  let b: Float64Array = options.start.slice();
  let iterations = 0;
  let noisy = 0;
  let previous = Number.POSITIVE_INFINITY;
  const evaluate = async (at: Float64Array): Promise<number> => {
    await options.turn();
    iterations++;
    return passes.evaluate(at, gradient, hessian) + addSmoothPenalty(problem, at, gradient, hessian) + absolutePenalty(problem, at);
  };
  let objective = await evaluate(b);
  for (;;) {
    if (free && passes.leastMargin > 0) return { b, iterations, status: 'separable' };
    if (!Number.isFinite(objective)) return { b, iterations, status: 'stopped' };
    const step = direction(problem, b, gradient, hessian);
    if (step === null) return { b, iterations, status: 'singular' };
    const move = largest(step) / Math.max(1, largest(b));
    if (move <= options.tolerance) return { b: plus(b, step, 1), iterations, status: 'converged' };
    if (noisy >= NOISY_STEPS) return { b, iterations, status: move <= GOOD_ENOUGH ? 'converged' : 'stopped' };
    if (iterations >= options.maxIterations) return { b, iterations, status: 'stopped' };
    const slope = dot(gradient, step) + absolutePenalty(problem, plus(b, step, 1)) - absolutePenalty(problem, b);
    const inNoise = -slope <= NOISE * Math.abs(objective);
    if (inNoise && move > previous / 2) noisy++;
    previous = move;
    let length = 1;
    let next = plus(b, step, length);
    let value = await evaluate(next);
    for (let halvings = 0; !inNoise && !(value <= objective + SUFFICIENT * length * slope); halvings++) {
      // the gradient is now another point's, so nothing can be said of b but that it is the best one known
      if (halvings === HALVINGS) return { b, iterations, status: 'stopped' };
      length /= 2;
      next = plus(b, step, length);
      value = await evaluate(next);
    }
    b = next;
    objective = value;
  }
}

function addSmoothPenalty({ l2 }: Problem, b: Float64Array, gradient: Float64Array, hessian: Float64Array): number {
  const size = b.length;
  let sum = 0;
  for (let j = 1; j < size; j++) {
    gradient[j] += l2[j - 1] * b[j];
    hessian[j * size + j] += l2[j - 1];
    sum += (l2[j - 1] * b[j] * b[j]) / 2;
  }
  return sum;
}

function absolutePenalty({ l1 }: Problem, b: Float64Array): number {
  let sum = 0;
  for (let j = 1; j < b.length; j++) sum += l1[j - 1] * Math.abs(b[j]);
  return sum;
}

function direction(problem: Problem, b: Float64Array, gradient: Float64Array, hessian: Float64Array): Float64Array | null {
  if (problem.l1.some((it) => it > 0)) return descend(problem.l1, b, gradient, hessian);
  return solveCholesky(
    hessian,
    gradient.map((it) => -it),
  );
}

/** Minimises gradient·d + dᵀ·hessian·d/2 + Σ l1ⱼ·|bⱼ + dⱼ| over d, one coordinate after the other. */
function descend(l1: Float64Array, b: Float64Array, gradient: Float64Array, hessian: Float64Array): Float64Array | null {
  const size = b.length;
  const d = new Float64Array(size);
  const slope = gradient.slice();
  for (let sweep = 0; sweep < 10_000; sweep++) {
    let change = 0;
    for (let j = 0; j < size; j++) {
      const curvature = hessian[j * size + j];
      if (!(curvature > 0)) return null;
      const at = b[j] + d[j];
      const target = at - slope[j] / curvature;
      const limit = j === 0 ? 0 : l1[j - 1] / curvature;
      const moved = Math.sign(target) * Math.max(0, Math.abs(target) - limit) - at;
      if (moved === 0) continue;
      d[j] += moved;
      for (let k = 0; k < size; k++) slope[k] += moved * hessian[j * size + k];
      change = Math.max(change, Math.abs(moved));
    }
    if (change <= 1e-14 * Math.max(1, largest(b), largest(d))) break;
  }
  return d;
}

function plus(a: Float64Array, b: Float64Array, scale: number): Float64Array {
  return a.map((value, i) => value + scale * b[i]);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function largest(values: Float64Array): number {
  return values.reduce((most, it) => Math.max(most, Math.abs(it)), 0);
}
