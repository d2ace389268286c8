/**
 * What training and scoring cost: `node bench/fit.ts [rows] [rounds]`. A pass over rows × 15 features, a fit and the scores of all rows, by
 * float64, TensorFlow's wasm and, where it loads, native TensorFlow (docs/tensorflow.md). Engines take turns, so a busy machine slows all alike;
 * a fit that differs from float64's by more than 1e-9 ends the run.
 */
import { fileURLToPath } from 'node:url';
import type { Dataset } from '@millrace/analyzer/ml/dataset.ts';
import type { Engine, Passes, Problem } from '@millrace/analyzer/ml/engine.ts';
import { type Fitted, fit as train } from '@millrace/analyzer/ml/fit.ts';
import { float64Engine } from '@millrace/analyzer/ml/float64.ts';
import { nativeTensorFlow } from '@millrace/analyzer/ml/native.ts';
import { tensorflowEngine } from '@millrace/analyzer/ml/tensorflow.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { linearScore } from '@millrace/shared-schemas/model.ts';
import type * as TensorFlow from '@tensorflow/tfjs-core';
import { type Cell, median, render, spread } from './numbers.ts';

const FEATURES = 15;
/** rows scored at once by TensorFlow: a large micro-batch */
const BATCH = 50_000;
/** seconds of a fit of a million rows, by the engine's kind */
const GOALS: Readonly<Record<string, number>> = { float64: 5, native: 2 };

function generate(rows: number): Dataset {
  const random = seededRandom(1);
  const columns = Array.from({ length: FEATURES }, (_, j) => Float64Array.from({ length: rows }, () => random.normal() * (1 + j) + j));
  const labels = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    let z = -4;
    for (let j = 0; j < FEATURES; j++) z += ((columns[j][i] - j) / (1 + j)) * 0.3 * ((j % 3) - 1);
    labels[i] = random.uniform() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
  }
  return { features: columns.map((_, j) => `f${j}`), rows, columns, labels, weights: null };
}

const problemOf = (data: Dataset, { scaler }: Fitted): Problem => ({
  ...data,
  classWeights: [1, 1],
  mean: Float64Array.from(scaler.mean),
  std: Float64Array.from(scaler.std),
  l2: new Float64Array(FEATURES).fill(1),
  l1: new Float64Array(FEATURES),
});

/** One thing that is measured, by each of several ways to do it in turns. */
class Race {
  readonly #what: string;
  readonly #wall = new Map<string, number[]>();
  readonly #cpu = new Map<string, number[]>();

  constructor(what: string) {
    this.#what = what;
  }

  async lap(way: string, work: () => unknown): Promise<void> {
    const before = process.cpuUsage();
    const start = performance.now();
    await work();
    const wall = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(before);
    this.#wall.set(way, [...(this.#wall.get(way) ?? []), wall]);
    this.#cpu.set(way, [...(this.#cpu.get(way) ?? []), (user + system) / 1e6]);
  }

  /**
   * Seconds by the clock and of all cores, and how many times the CPU time of the first way.
   * @param goals most seconds that the best round may take, of the clock or of CPU
   */
  cells(of: 'wall' | 'cpu' = 'wall', goals: Readonly<Record<string, number>> = {}): Cell[] {
    const [first = []] = this.#cpu.values();
    return [...this.#wall].map(([way, wall]) => {
      const cpu = this.#cpu.get(way) as number[];
      const goal = goals[way];
      return {
        what: `${this.#what}, ${way}: seconds; CPU-seconds, against float64`,
        value: `${spread(wall)}; ${median(cpu).toFixed(2)}, ${(median(cpu) / median(first)).toFixed(2)}×`,
        goal: goal === undefined ? '' : `≤ ${goal} ${of === 'cpu' ? 'CPU-' : ''}s`,
        met: goal === undefined ? null : Math.min(...(of === 'cpu' ? cpu : wall)) <= goal,
      };
    });
  }
}

function scoreOne(data: Dataset, model: Fitted): number {
  const row = new Float64Array(FEATURES);
  let sum = 0;
  for (let i = 0; i < data.rows; i++) {
    for (let j = 0; j < FEATURES; j++) row[j] = data.columns[j][i];
    sum += linearScore(model, row);
  }
  return sum;
}

/** What the product does not do: scores in batches by TensorFlow, in single precision. */
function scoreBatches(tf: typeof TensorFlow, data: Dataset, model: Fitted): number {
  let sum = 0;
  for (let start = 0; start < data.rows; start += BATCH) {
    const count = Math.min(BATCH, data.rows - start);
    const x = new Float32Array(FEATURES * count);
    for (const [j, column] of data.columns.entries()) x.set(column.subarray(start, start + count), j * count);
    tf.tidy(() => {
      const odds = tf.matMul(tf.tensor2d(Float32Array.from(model.coefficients), [1, FEATURES]), tf.tensor2d(x, [FEATURES, count]));
      for (const score of tf.sigmoid(tf.add(odds, model.intercept)).dataSync()) sum += score;
    });
  }
  return sum;
}

async function engines(): Promise<Map<string, Engine>> {
  const found = new Map<string, Engine>([['float64', float64Engine]]);
  for (const kind of ['wasm', 'native'] as const) {
    const engine = await tensorflowEngine(kind);
    if (engine !== null) found.set(kind, engine);
  }
  return found;
}

export async function fits({ rows, rounds }: { rows: number; rounds: number }): Promise<Cell[]> {
  const data = generate(rows);
  const all = await engines();
  const fitting = new Race(`fit ${rows} × ${FEATURES}`);
  let model: Fitted | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const [kind, engine] of all) {
      await fitting.lap(kind, async () => {
        const found = await train(data, { l2: 1, l1: 0, classWeight: 'none', standardize: true, engine });
        if (!found.ok || !found.converged) throw new Error('no fit');
        model ??= found;
        const apart = Math.max(...found.coefficients.map((value, j) => Math.abs(value / (model as Fitted).coefficients[j] - 1)));
        if (apart > 1e-9) throw new Error(`${engine.name} is ${apart} away from float64`);
      });
    }
  }
  const fitted = model as Fitted;
  const passing = new Race(`gradient pass over ${rows} × ${FEATURES}`);
  const b = Float64Array.of(fitted.intercept, ...fitted.coefficients);
  const gradient = new Float64Array(b.length);
  const passes = new Map<string, { engine: Engine; passes: Passes }>();
  for (const [kind, engine] of all) passes.set(kind, { engine, passes: await engine.open(problemOf(data, fitted)) });
  for (let round = 0; round <= rounds; round++) {
    for (const [kind, one] of passes) {
      // whichever was opened last is TensorFlow's current one: opening an empty problem makes it this one
      (await one.engine.open({ ...problemOf(data, fitted), rows: 0 })).close();
      const work = (): unknown => one.passes.evaluate(b, gradient, null);
      // the first warms up
      if (round === 0) work();
      else await passing.lap(kind, work);
    }
  }
  for (const { passes: one } of passes.values()) one.close();
  const scoring = new Race(`scores of ${rows} rows`);
  const native = await nativeTensorFlow();
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    await scoring.lap('float64', () => {
      sum = scoreOne(data, fitted);
    });
    if (native.kind !== 'loaded') continue;
    const tf = native.library as typeof TensorFlow;
    for (const [kind, backend] of [
      ['wasm', 'wasm'],
      ['native', 'tensorflow'],
    ] as const) {
      await tf.setBackend(backend);
      await scoring.lap(kind, () => {
        const other = scoreBatches(tf, data, fitted);
        if (Math.abs(other - sum) > 1e-6 * rows) throw new Error(`${kind} scores ${other}, float64 ${sum}`);
      });
    }
  }
  const why =
    native.kind === 'loaded' ? [] : [{ what: 'native TensorFlow', value: native.kind === 'absent' ? 'not installed' : native.reason, goal: '', met: null }];
  return [...passing.cells(), ...fitting.cells('wall', rows === 1_000_000 ? GOALS : {}), ...scoring.cells('cpu', { float64: rows / 5e6 }), ...why];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rows = 1_000_000, rounds = 3] = process.argv.slice(2).map(Number);
  process.stdout.write(render(await fits({ rows, rounds })));
}
