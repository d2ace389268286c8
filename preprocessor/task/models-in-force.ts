import type { ScorePlan, StagePlan } from '@millrace/pipeline/plan.ts';
import type { ModelStore } from '../model-store.ts';
import type { ModelInForce } from '../operators/operator.ts';
import type { Notice } from '../stats.ts';
import type { ScoredModel } from './model-choice.ts';

interface Scored extends ScoredModel {
  readonly features: readonly string[];
  readonly inForce: ModelInForce;
}

/** The models that a task's score steps use, by name. */
export class ModelsInForce {
  readonly #store: ModelStore;
  readonly #notices: Notice[];
  readonly #models = new Map<string, Scored>();

  constructor(stage: StagePlan, store: ModelStore, notices: Notice[]) {
    this.#store = store;
    this.#notices = notices;
    for (const node of stage.nodes) if (node.type === 'score') this.#models.set(node.model, scored(node));
  }

  /** those there are steps for */
  get models(): readonly ScoredModel[] {
    return [...this.#models.values()];
  }

  holder(name: string): ModelInForce {
    return (this.#models.get(name) as Scored).inForce;
  }

  /** From here on the version with that hash counts. One that was trained on other features scores nothing. @throws MillraceError model_missing, model_invalid */
  use(name: string, hash: string): void {
    const scored = this.#models.get(name);
    if (!scored) return;
    const model = this.#store.get(name, hash);
    const fits = model.features.length === scored.features.length && model.features.every((feature, i) => feature === scored.features[i]);
    scored.inForce.model = fits ? model : null;
    if (fits) return;
    const message = `model ${name} ${hash.slice(0, 12)} was trained on ${model.features.join(', ')} and not on ${scored.features.join(', ')}: scores are NULL until the next`;
    this.#notices.push({ level: 'warn', code: 'model_mismatch', message });
  }
}

function scored({ model, every, features }: ScorePlan): Scored {
  return { model, every, features: features.map(({ name }) => name), inForce: { model: null } };
}
