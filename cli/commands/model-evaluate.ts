import type { Verdict } from '@millrace/analyzer/training/verdict.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Model } from '@millrace/shared-schemas/model.ts';
import type { Call, CommandSpec } from '../command.ts';
import { type KnownModel, modelOptions, Registry, SHOWN } from '../models/registry.ts';
import { windowOption } from '../models/window.ts';
import { type Style, styleFor } from '../output/color.ts';
import { count, time } from '../output/numbers.ts';
import { renderTable } from '../output/table.ts';

export const modelEvaluateCommand: CommandSpec = {
  name: 'model evaluate',
  summary: 'judge a model on rows that the pipeline has kept',
  doc: 'Labels count as they are known now; cards that were known to be compromised are left out. Without a hash, the newest model whose next window is over: the time after its training boundary, as long as its training window. With --from or --to, the newest model there was when that window began. Where its rows are gone, a model has the metrics that were found at the time. Coefficients are log-odds per unit of each feature on its own scale; standardized, per standard deviation in training. Reads only, also while the pipeline runs.',
  args: [
    { name: '<file>', doc: 'the pipeline file' },
    { name: '[hash]', doc: 'the hash, or how it begins' },
  ],
  options: [
    ...modelOptions,
    { flags: '--from <date>', doc: 'judge on rows from this date or time on (UTC)' },
    { flags: '--to <date>', doc: 'and before this one (default: as long as the training window)' },
  ],
  examples: ['millrace model evaluate pipeline.yaml', 'millrace model evaluate pipeline.yaml 3fa9c1 --from 2018-08-08 --to 2018-08-15 --json'],
  run: (call) =>
    Registry.use(call, async (registry) => {
      const answer = await judged(call, registry);
      const { stdout, env } = call.host;
      await stdout.write(call.json ? `${JSON.stringify(document(answer))}\n` : `${render(answer, styleFor(stdout, env)).join('\n')}\n`);
      return 0;
    }),
};

async function judged(call: Call, registry: Registry): Promise<Verdict<KnownModel>> {
  const [, prefix] = call.args;
  const chosen = prefix === undefined ? null : await registry.find(prefix);
  const plan = await registry.planned(chosen?.model.name ?? registry.name());
  const [{ KeptRows, ofModel }, { isTrained }, { verdict }, { featureFingerprint }] = await Promise.all([
    import('@millrace/analyzer/training/kept-rows.ts'),
    import('@millrace/analyzer/training/learning-rows.ts'),
    import('@millrace/analyzer/training/verdict.ts'),
    import('@millrace/shared-schemas/model.ts'),
  ]);
  if (!isTrained(plan))
    throw new MillraceError('model_unknown', `The pipeline keeps no rows to judge ${plan.id} on: it does not train it.`, {
      hint: 'Give the model label: and train:.',
    });
  if (chosen !== null && chosen.model.schema !== featureFingerprint(plan.train.columns))
    throw new MillraceError('model_mismatch', `The model ${chosen.hash.slice(0, SHOWN)} was trained on other features than ${plan.id} has now.`);
  const kept = new KeptRows(plan);
  kept.restore(ofModel(await registry.training(), plan.id));
  const models = (await registry.models()).filter(({ model }) => model.name === plan.id);
  return verdict({ plan, kept, models, chosen, range: windowOption(call.text('from'), call.text('to'), plan.train.window) });
}

/** by feature, the intercept first */
function named({ features }: Model, intercept: number, coefficients: readonly number[]): Record<string, number> {
  return { intercept, ...Object.fromEntries(features.map((feature, i) => [feature, coefficients[i]])) };
}

/** The coefficients over features less their mean, over their standard deviation; null: the model was trained without. */
function standardized(model: Model): Record<string, number> | null {
  const { scaler, intercept, coefficients } = model;
  if (scaler === null) return null;
  return named(
    model,
    coefficients.reduce((sum, coefficient, i) => sum + coefficient * scaler.mean[i], intercept),
    coefficients.map((coefficient, i) => coefficient * scaler.std[i]),
  );
}

function document({ found: { hash, model }, metrics, recorded, labelsComplete, seenInTraining }: Verdict<KnownModel>): object {
  const { from, to, rows, positives, auc_roc, average_precision, card_precision_at_k, k, log_loss, brier } = metrics;
  return {
    model: model.name,
    hash,
    boundary: model.boundary,
    on: { from, to, rows, positives },
    auc_roc,
    average_precision,
    card_precision_at_k,
    k,
    log_loss,
    brier,
    recorded,
    labels_complete: labelsComplete,
    seen_in_training: seenInTraining,
    coefficients: named(model, model.intercept, model.coefficients),
    standardized: standardized(model),
  };
}

function render({ found: { hash, model }, metrics, recorded, labelsComplete, seenInTraining }: Verdict<KnownModel>, style: Style): string[] {
  const shown = (value: number | null): string => value?.toFixed(4) ?? '–';
  const { training } = model;
  const perStd = standardized(model);
  return [
    `${model.name} ${hash.slice(0, SHOWN)}, trained on ${count(training.rows)} rows of ${time(training.from)} to ${time(training.to)}`,
    `judged on ${count(metrics.rows)} rows, ${count(metrics.positives)} of them positive, of ${time(metrics.from)} to ${time(metrics.to)}`,
    ...(recorded ? [style.dim('those rows are gone: this was found when their labels had become known')] : []),
    ...(labelsComplete ? [] : [style.yellow('labels of this window may still come; a row without one counts as negative')]),
    ...(seenInTraining ? [style.yellow('the model has learnt from rows of this window: it looks better than it is')] : []),
    '',
    ...renderTable(
      [{ title: 'metric' }, { title: '', align: 'right' }],
      [
        ['AUC ROC', shown(metrics.auc_roc)],
        ['average precision', shown(metrics.average_precision)],
        [`card precision@${metrics.k}`, shown(metrics.card_precision_at_k)],
        ['log loss', shown(metrics.log_loss)],
        ['Brier', shown(metrics.brier)],
      ],
      style,
    ),
    '',
    ...renderTable(
      [{ title: 'coefficient' }, { title: 'per unit', align: 'right' }, ...(perStd ? [{ title: 'per std', align: 'right' as const }] : [])],
      Object.entries(named(model, model.intercept, model.coefficients)).map(([name, value]) => [
        name,
        value.toPrecision(6),
        ...(perStd ? [(perStd[name] as number).toFixed(6)] : []),
      ]),
      style,
    ),
  ];
}
