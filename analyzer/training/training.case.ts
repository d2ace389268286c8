import { seededRandom } from '@millrace/runtime/random.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';
import type { Dataset } from '../ml/dataset.ts';
import { type FitSettings, fit } from '../ml/fit.ts';
import { float64Engine } from '../ml/float64.ts';
import type { TrainedPlan } from './learning-rows.ts';
import { Trainer } from './trainer.ts';

export const DAY = 86_400_000;
const column = (name: string, kind: 'DOUBLE' | 'BOOLEAN' | 'VARCHAR'): Column => ({ name, type: { kind }, nullable: true, slot: name });
const [x, y, fraud, card, id] = [column('x', 'DOUBLE'), column('y', 'DOUBLE'), column('fraud', 'BOOLEAN'), column('card', 'VARCHAR'), column('id', 'VARCHAR')];

export { fraud, id, x };

/** A model of two features of which one tells, trained daily on two days whose labels are known a day later. */
export const plan: TrainedPlan = {
  id: 'm',
  type: 'logistic_regression',
  features: ['x', 'y'],
  swap: 'immediate',
  label: { source: null, on: [], field: fraud, knownAfter: DAY },
  train: { from: 's', columns: [x, y], window: 2 * DAY, every: DAY, l2: 1, l1: 0, classWeight: 'none', standardize: true },
  evaluate: { card, alertsPerDay: 3 },
  promoteIf: null,
};

/** ten days of rows; from day `turn` on it is the other feature that tells */
export function rows(turn = 100): { row: Row; time: number }[] {
  const random = seededRandom(5);
  return Array.from({ length: 10 * 200 }, (_, i) => {
    const time = Math.floor((i * DAY) / 200);
    const [a, b] = [random.normal(), random.normal()];
    return { row: { x: a, y: b, fraud: 2 * (time < turn * DAY ? a : b) + random.normal() > 2.5, card: `c${random.below(40)}`, id: `i${i}` }, time };
  });
}

/** Feeds rows in batches of `size`, saved and opened anew after every batch where asked. */
export async function train(given: TrainedPlan, size: number, { reopen = false, data = rows(), labels = [] as { row: Row; time: number }[] } = {}) {
  const models = new Map<string, Model>();
  const decisions: ModelDecision[] = [];
  const host = {
    fit: (data: Dataset, settings: FitSettings) => fit(data, { ...settings, engine: float64Engine }),
    model: (hash: string) => models.get(hash) as Model,
  };
  const saved = new Map<string, Uint8Array>();
  let trainer = new Trainer(given, host);
  let current: string | null = null;
  for (let at = 0; at < data.length; at += size) {
    const batch = data.slice(at, at + size);
    for (const { row, time } of batch) trainer.example(row, time);
    const reached = batch.at(-1)?.time as number;
    for (const { row, time } of labels.filter(({ time: known }) => known <= reached && known > (data[at - 1]?.time ?? Number.NEGATIVE_INFINITY)))
      trainer.label(row, time);
    const ending = at + size >= data.length;
    const trained = await trainer.finish(reached - 1, ending, current);
    for (const [hash, model] of trained.models) models.set(hash, model);
    for (const decision of trained.decisions) current = decision.promoted ?? current;
    decisions.push(...trained.decisions);
    trainer.snapshot({ put: (key, value) => saved.set(key, value), delete: (key) => saved.delete(key) });
    if (!reopen) continue;
    trainer = new Trainer(given, host);
    trainer.restore([...saved].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return { decisions, models, saved: [...saved].sort(([a], [b]) => (a < b ? -1 : 1)) };
}
