import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type * as Core from '@tensorflow/tfjs-core';
import type { Engine, Passes, Problem } from './engine.ts';
import { nativeTensorFlow } from './native.ts';

type TensorFlow = typeof Core;

/** Rows of a tensor: sums of so many stay good in single precision; sums over tensors are taken in double. */
const CHUNK = 32_768;

const require = createRequire(import.meta.url);

/**
 * TensorFlow for the heavy passes: `native` is @tensorflow/tfjs-node, an optional peer (docs/tensorflow.md); `wasm` and `cpu` always are. null where
 * the backend does not load on this machine.
 */
export async function tensorflowEngine(backend: 'native' | 'wasm' | 'cpu'): Promise<Engine | null> {
  const tf = await (backend === 'native' ? native() : portable(backend));
  if (tf === null) return null;
  return {
    name: `tensorflow (${backend} ${tf.version_core})`,
    precision: 'single',
    async open(problem) {
      // the current backend is global to the process
      await tf.setBackend(backend === 'native' ? 'tensorflow' : backend);
      return new TensorFlowPasses(tf, problem);
    },
  };
}

async function native(): Promise<TensorFlow | null> {
  const found = await nativeTensorFlow();
  return found.kind === 'loaded' ? (found.library as TensorFlow) : null;
}

async function portable(backend: 'wasm' | 'cpu'): Promise<TensorFlow | null> {
  const tf = require('@tensorflow/tfjs-core') as TensorFlow;
  // else it prints an advertisement
  tf.env().set('PROD', true);
  if (backend === 'cpu') require('@tensorflow/tfjs-backend-cpu');
  else {
    const wasm = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(prefix: string): void; setThreadsCount(count: number): void };
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
    wasm.setThreadsCount(1);
  }
  try {
    return (await tf.setBackend(backend)) ? tf : null;
  } catch {
    return null;
  }
}

interface Chunk {
  /** [features + 1, rows], standardised, the first row all ones */
  readonly x: Core.Tensor2D;
  /** [1, rows] */
  readonly labels: Core.Tensor2D;
  readonly weights: Core.Tensor2D;
}

class TensorFlowPasses implements Passes {
  readonly leastMargin = Number.NaN;
  private readonly tf: TensorFlow;
  private readonly chunks: Chunk[] = [];

  constructor(tf: TensorFlow, problem: Problem) {
    this.tf = tf;
    for (let start = 0; start < problem.rows; start += CHUNK) this.chunks.push(upload(tf, problem, start, Math.min(CHUNK, problem.rows - start)));
  }

  evaluate(b: Float64Array, gradient: Float64Array, hessian: Float64Array | null): number {
    const { tf } = this;
    gradient.fill(0);
    hessian?.fill(0);
    let loss = 0;
    for (const { x, labels, weights } of this.chunks) {
      tf.tidy(() => {
        const z = tf.matMul(tf.tensor2d(Float32Array.from(b), [1, b.length]), x) as Core.Tensor2D;
        const p = tf.sigmoid(z);
        const gap = tf.sub(p, labels);
        // −log of the probability of the row's own class, from a log-odds that points to it
        const away = tf.mul(z, tf.sub(1, tf.mul(labels, 2)));
        const logloss = tf.add(tf.relu(away), tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1)));
        loss += tf.sum(tf.mul(weights, logloss)).dataSync()[0];
        addTo(gradient, tf.matMul(tf.mul(weights, gap), x, false, true));
        if (hessian !== null) addTo(hessian, tf.matMul(tf.mul(x, tf.mul(weights, tf.mul(p, tf.sub(1, p)))), x, false, true));
      });
    }
    return loss;
  }

  close(): void {
    for (const chunk of this.chunks) for (const tensor of Object.values(chunk) as Core.Tensor[]) tensor.dispose();
    this.chunks.length = 0;
  }
}

function addTo(sums: Float64Array, tensor: Core.Tensor): void {
  const values = tensor.dataSync();
  for (let j = 0; j < sums.length; j++) sums[j] += values[j];
}

function upload(tf: TensorFlow, problem: Problem, start: number, count: number): Chunk {
  const x = new Float32Array((problem.columns.length + 1) * count).fill(1, 0, count);
  problem.columns.forEach((column, j) => {
    const scale = 1 / problem.std[j];
    const mean = problem.mean[j];
    for (let i = 0; i < count; i++) x[(j + 1) * count + i] = (column[start + i] - mean) * scale;
  });
  const labels = Float32Array.from(problem.labels.subarray(start, start + count));
  const weights = labels.map((label, i) => problem.classWeights[label] * (problem.weights === null ? 1 : problem.weights[start + i]));
  return { x: tf.tensor2d(x, [problem.columns.length + 1, count]), labels: tf.tensor2d(labels, [1, count]), weights: tf.tensor2d(weights, [1, count]) };
}
