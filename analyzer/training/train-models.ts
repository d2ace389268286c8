import type { ModelPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { chooseEngine, type EngineEvent } from '../ml/engines.ts';
import { type Fit, fit } from '../ml/fit.ts';
import type { OpenTraining } from '../ml/training.ts';
import { ofModel, prefixOf } from './kept-rows.ts';
import { isTrained, type TrainedPlan } from './learning-rows.ts';
import { Trainer } from './trainer.ts';

/**
 * Training for all models of a plan that it trains; null when there are none.
 * @param onEvent hears once of what trains them, when that is not the usual
 */
export function trainModels(models: readonly ModelPlan[], onEvent: (event: EngineEvent) => void): OpenTraining | null {
  const trained = models.filter(isTrained);
  if (trained.length === 0) return null;
  const told = new Set<string>();
  const once = (event: EngineEvent): void => {
    if (told.has(event.code)) return;
    told.add(event.code);
    onEvent(event);
  };
  return (host) => {
    const find = (hash: string): Model => {
      const model = host.model(hash);
      if (model === null) throw new Error(`model ${hash} is not in the ledger`);
      return model;
    };
    const fitHere: Fit = async (dataset, settings, values) => fit(dataset, { ...settings, engine: await chooseEngine('auto', values, once) });
    const trainers = trained.map((plan) => ({ plan, trainer: new Trainer(plan, { fit: host.fitting?.(fitHere) ?? fitHere, model: find }) }));
    return {
      listeners: trainers.flatMap(({ plan, trainer }) => listeners(plan, trainer, () => host.inHand.eventTime)),
      async finish({ completeness, ending, inForce }) {
        const decisions: ModelDecision[] = [];
        const made = new Map<string, Model>();
        for (const { plan, trainer } of trainers) {
          const result = await trainer.finish(complete(plan, completeness), ending, inForce(plan.id));
          decisions.push(...result.decisions);
          for (const [hash, model] of result.models) made.set(hash, model);
        }
        return { decisions, models: made };
      },
      due: (ending) => ending && trainers.some(({ trainer }) => trainer.due(Number.NEGATIVE_INFINITY, true)),
      snapshot(writer) {
        for (const { plan, trainer } of trainers) {
          const prefix = prefixOf(plan.id);
          trainer.snapshot({ put: (key, value) => writer.put(prefix + key, value), delete: (key) => writer.delete(prefix + key) });
        }
      },
      restore(entries) {
        const all = [...entries];
        for (const { plan, trainer } of trainers) trainer.restore(ofModel(all, plan.id));
      },
    };
  };
}

function listeners(plan: TrainedPlan, trainer: Trainer, time: () => number): { from: string; process: (row: Row) => void }[] {
  const examples = { from: plan.train.from, process: (row: Row) => trainer.example(row, time()) };
  return plan.label.source === null ? [examples] : [examples, { from: plan.label.source, process: (row: Row) => trainer.label(row, time()) }];
}

/** A boundary is complete when the rows are, and the labels as far as anybody says. */
function complete({ train, label }: TrainedPlan, completeness: (id: string) => number | null): number | null {
  const rows = completeness(train.from);
  const labels = label.source === null ? null : completeness(label.source);
  return labels === null || rows === null ? rows : Math.min(rows, labels);
}
