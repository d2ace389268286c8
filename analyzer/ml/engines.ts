import type { Engine } from './engine.ts';
import { float64Engine } from './float64.ts';
import { nativeTensorFlow } from './native.ts';
import { tensorflowEngine } from './tensorflow.ts';

/** Measured (`bench/fit.ts`): below so many values it takes more than ten trainings to earn back what loading TensorFlow costs. */
const WORTH_LOADING = 3_000_000;

/** Something about the choice that a person should know. */
export interface EngineEvent {
  readonly level: 'info' | 'warn';
  readonly code: 'training_engine' | 'tensorflow_broken';
  readonly message: string;
}

/**
 * The engine to train with. `tensorflow`: native where @tensorflow/tfjs-node is installed, else wasm, else cpu. `auto`: native
 * TensorFlow where it is installed and there is enough to do, else float64, which is faster than wasm. Engines agree to
 * 1e-6, not to the bit; the name goes into the model.
 * @param values rows times features of the data set
 * @param tell hears of native TensorFlow: that it trains, or why it is there and cannot
 */
export async function chooseEngine(wanted: 'auto' | 'float64' | 'tensorflow', values: number, tell: (event: EngineEvent) => void = () => {}): Promise<Engine> {
  if (wanted === 'float64' || (wanted === 'auto' && values < WORTH_LOADING)) return float64Engine;
  const native = await tensorflowEngine('native');
  const chosen = native ?? (wanted === 'auto' ? float64Engine : ((await tensorflowEngine('wasm')) ?? (await tensorflowEngine('cpu')) ?? float64Engine));
  if (native !== null) tell({ level: 'info', code: 'training_engine', message: `${native.name} trains the models that have many rows` });
  else {
    const found = await nativeTensorFlow();
    if (found.kind === 'broken')
      tell({ level: 'warn', code: 'tensorflow_broken', message: `native TensorFlow: ${found.reason}; ${chosen.name} trains instead` });
  }
  return chosen;
}
