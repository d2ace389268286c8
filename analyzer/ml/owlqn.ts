import type { Passes, Problem, Solution, SolverOptions } from './engine.ts';

const MEMORY = 10;
const SUFFICIENT = 1e-4;
const HALVINGS = 40;
/** Share of the objective that is its rounding error. */
const ROUNDING = 1e-13;
const FLATTER = 0.9;
/** A slope below this share of the sum of weights is rounding error. */
const NOISE = 1e-13;

/**
 * Limited-memory BFGS over the orthant the coefficients are in (OWL-QN: Andrew & Gao, 2007); without l1 plain L-BFGS. For many
 * features, where a Hessian would cost more than it saves. `tolerance` is that of the largest element of the pseudo-gradient.
 */
export async function owlqn(problem: Problem, passes: Passes, options: SolverOptions): Promise<Solution> {
  const free = problem.l2.every((it) => it === 0) && problem.l1.every((it) => it === 0);
  const l1 = Float64Array.of(0, ...problem.l1);
  let iterations = 0;
  const evaluate = async (b: Float64Array, gradient: Float64Array): Promise<number> => {
    await options.turn();
    iterations++;
    let value = passes.evaluate(b, gradient, null);
    for (let j = 1; j < b.length; j++) {
      const l2 = problem.l2[j - 1];
      gradient[j] += l2 * b[j];
      value += (l2 * b[j] * b[j]) / 2 + l1[j] * Math.abs(b[j]);
    }
    return value;
  };
  let b: Float64Array = options.start.slice();
  let gradient: Float64Array = new Float64Array(b.length);
  let value = await evaluate(b, gradient);
  const pairs: Pair[] = [];
  for (;;) {
    if (free && passes.leastMargin > 0) return { b, iterations, status: 'separable' };
    if (!Number.isFinite(value)) return { b, iterations, status: 'stopped' };
    const slopes = pseudoGradient(b, gradient, l1);
    const steepest = slopes.reduce((most, it) => Math.max(most, Math.abs(it)), 0);
    if (steepest <= Math.max(options.tolerance, NOISE * problem.rows)) return { b, iterations, status: 'converged' };
    if (iterations >= options.maxIterations) return { b, iterations, status: 'stopped' };
    const found = await search(b, value, slopes, pairs, l1, evaluate);
    if (found === null) {
      if (pairs.length === 0) return { b, iterations, status: 'stopped' };
      pairs.length = 0;
      continue;
    }
    const pair = pairOf(b, gradient, found.b, found.gradient);
    if (pair !== null) {
      pairs.push(pair);
      if (pairs.length > MEMORY) pairs.shift();
    }
    b = found.b;
    gradient = found.gradient;
    value = found.value;
  }
}

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / (step · change) */
  readonly rho: number;
}

interface Point {
  readonly b: Float64Array;
  readonly gradient: Float64Array;
  readonly value: number;
}

function pairOf(from: Float64Array, before: Float64Array, to: Float64Array, after: Float64Array): Pair | null {
  const step = to.map((it, j) => it - from[j]);
  const change = after.map((it, j) => it - before[j]);
  const product = dot(step, change);
  return product > 1e-14 * dot(change, change) ? { step, change, rho: 1 / product } : null;
}

/** Halves the step until the objective falls enough. null: it does not. */
async function search(
  b: Float64Array,
  value: number,
  slopes: Float64Array,
  pairs: readonly Pair[],
  l1: Float64Array,
  evaluate: (b: Float64Array, gradient: Float64Array) => Promise<number>,
): Promise<Point | null> {
  const step = direction(slopes, pairs, l1);
  const orthant = b.map((it, j) => (it === 0 ? -Math.sign(slopes[j]) : Math.sign(it)));
  let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(slopes, slopes))) : 1;
  for (let halvings = 0; halvings < HALVINGS; halvings++, length /= 2) {
    const next = b.map((it, j) => {
      const moved = it + length * step[j];
      return l1[j] > 0 && Math.sign(moved) !== orthant[j] ? 0 : moved;
    });
    const gradient = new Float64Array(b.length);
    const reached = await evaluate(next, gradient);
    const fall = next.reduce((sum, it, j) => sum + slopes[j] * (it - b[j]), 0);
    if (reached <= value + SUFFICIENT * fall) return { b: next, gradient, value: reached };
    // Where the fall is within the objective's rounding errors the slope along the step decides (Hager & Zhang's approximate condition).
    if (reached <= value + ROUNDING * Math.abs(value)) {
      const after = pseudoGradient(next, gradient, l1).reduce((sum, it, j) => sum + it * (next[j] - b[j]), 0);
      if (Math.abs(after) <= FLATTER * Math.abs(fall)) return { b: next, gradient, value: reached };
    }
  }
  return null;
}

/** The steepest one-sided slope of the objective along each axis; 0 where l1 holds a coefficient at zero. */
function pseudoGradient(b: Float64Array, gradient: Float64Array, l1: Float64Array): Float64Array {
  return gradient.map((slope, j) => {
    if (b[j] !== 0) return slope + Math.sign(b[j]) * l1[j];
    return Math.sign(slope) * Math.max(0, Math.abs(slope) - l1[j]);
  });
}

/** The two-loop recursion, kept to the axes along which the objective falls. */
function direction(slopes: Float64Array, pairs: readonly Pair[], l1: Float64Array): Float64Array {
  const d = slopes.map((it) => -it);
  const alphas: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, rho } = pairs[i];
    alphas[i] = rho * dot(step, d);
    for (let j = 0; j < d.length; j++) d[j] -= alphas[i] * change[j];
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let j = 0; j < d.length; j++) d[j] *= scale;
  }
  for (let i = 0; i < pairs.length; i++) {
    const { step, change, rho } = pairs[i];
    const beta = rho * dot(change, d);
    for (let j = 0; j < d.length; j++) d[j] += (alphas[i] - beta) * step[j];
  }
  for (let j = 0; j < d.length; j++) if (l1[j] > 0 && d[j] * slopes[j] >= 0) d[j] = 0;
  return d;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
