/**
 * What training and scoring cost: `node bench/fit.ts [rows] [rounds]`. A fit of rows × 15 features by each engine that loads (wall and CPU
 * seconds), and rows scored a CPU-second. Engines take turns, so a busy machine slows all alike.
 */
import type { Dataset } from '@millrace/analyzer/ml/dataset.ts';
import type { Engine } from '@millrace/analyzer/ml/engine.ts';
import { fit as train } from '@millrace/analyzer/ml/fit.ts';
import { float64Engine } from '@millrace/analyzer/ml/float64.ts';
import { tensorflowEngine } from '@millrace/analyzer/ml/tensorflow.ts';
import { seededRandom } from '@millrace/runtime/random.ts';
import { linearScore } from '@millrace/shared-schemas/model.ts';

const FEATURES = 15;

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

interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function measured(work: () => unknown): Promise<Cost> {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

const least = (costs: readonly Cost[], of: keyof Cost): string => Math.min(...costs.map((cost) => cost[of])).toFixed(2);

async function main(rows: number, rounds: number): Promise<void> {
  const data = generate(rows);
  const native = await tensorflowEngine('native');
  if (native === null) console.log('tensorflow native: @tensorflow/tfjs-node is not installed');
  // one TensorFlow backend a process: the native one where it loads
  const engines = [float64Engine, native ?? (await tensorflowEngine('wasm'))].filter((engine): engine is Engine => engine !== null);
  const costs = new Map<Engine, Cost[]>(engines.map((engine) => [engine, []]));
  let first: readonly number[] | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines) {
      const cost = await measured(async () => {
        const model = await train(data, { l2: 1, l1: 0, classWeight: 'none', standardize: true, engine });
        if (!model.ok || !model.converged) throw new Error('no fit');
        first ??= model.coefficients;
        const apart = Math.max(...model.coefficients.map((value, j) => Math.abs(value - (first as number[])[j])));
        if (apart > 1e-6) throw new Error(`${engine.name} is ${apart} away from ${engines[0].name}`);
      });
      costs.get(engine)?.push(cost);
    }
  }
  for (const [engine, list] of costs) {
    const goal = engine === float64Engine ? ' (goal: 5)' : engine === native ? ' (goal: 2)' : '';
    console.log(`fit ${rows} × ${FEATURES}, ${engine.name}: ${least(list, 'wall')} s${goal}, ${least(list, 'cpu')} CPU-s; least of ${rounds}`);
  }
  const model = { intercept: -4, coefficients: first as readonly number[] };
  const features = new Float64Array(FEATURES);
  let sum = 0;
  const scoring: Cost[] = [];
  for (let round = 0; round < Math.max(3, rounds); round++) {
    scoring.push(
      await measured(() => {
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < FEATURES; j++) features[j] = data.columns[j][i];
          sum += linearScore(model, features);
        }
      }),
    );
  }
  if (!(sum > 0)) throw new Error('no scores');
  console.log(`scores: ${(rows / Number(Math.min(...scoring.map(({ cpu }) => cpu))) / 1e6).toFixed(1)}M rows a CPU-second (goal: 5M)`);
}

const [rows = '1000000', rounds = '3'] = process.argv.slice(2);
await main(Number(rows), Number(rounds));
