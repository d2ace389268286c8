import type { Engine } from './engine.ts';
import { float64Engine } from './float64.ts';
import { tensorflowEngine } from './tensorflow.ts';

/** Measured (`bench/fit.ts`): below so many values loading and feeding TensorFlow costs more than it saves. */
const WORTH_LOADING = 3_000_000;

/**
 * The engine to train with. `tensorflow`: native where @tensorflow/tfjs-node is installed, else wasm, else cpu. `auto`: native
 * TensorFlow where it is installed and there is enough to do, else float64, which is faster than wasm. Engines agree to
 * 1e-6, not to the bit; the name goes into the model.
 * @param values rows times features of the data set
 */
export async function chooseEngine(wanted: 'auto' | 'float64' | 'tensorflow', values: number): Promise<Engine> {
  if (wanted === 'float64' || (wanted === 'auto' && values < WORTH_LOADING)) return float64Engine;
  const native = await tensorflowEngine('native');
  if (native !== null) return native;
  if (wanted === 'auto') return float64Engine;
  return (await tensorflowEngine('wasm')) ?? (await tensorflowEngine('cpu')) ?? float64Engine;
}
