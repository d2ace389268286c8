import type { CommandSpec } from '../command.ts';
import { type KnownModel, modelOptions, Registry, SHOWN } from '../models/registry.ts';
import { styleFor } from '../output/color.ts';
import { count, time } from '../output/numbers.ts';
import { renderTable, type TableColumn } from '../output/table.ts';

const right = (title: string): TableColumn => ({ title, align: 'right' });

export const modelListCommand: CommandSpec = {
  name: 'model list',
  summary: 'list the trained models of a pipeline, with their metrics',
  doc: 'Metrics are of the window that follows the training boundary, once all its labels are known: AUC ROC, average precision, and of the k most suspect cards a day the fraction that were hit.',
  args: [{ name: '<file>', doc: 'the pipeline file' }],
  options: modelOptions,
  examples: [
    'millrace model list pipeline.yaml',
    'millrace model list pipeline.yaml --model fraud --json',
    'millrace model list pipeline.yaml --profile kafka',
  ],
  run: (call) =>
    Registry.use(call, async (registry) => {
      const { host } = call;
      const models = await registry.models();
      if (call.json) await host.stdout.write(`${JSON.stringify({ ...registry.store.named, models: models.map(entry) })}\n`);
      else if (models.length === 0) await host.stdout.write(`${registry.store.place} holds no models\n`);
      else {
        const columns = [
          { title: 'model' },
          { title: 'hash' },
          { title: '' },
          { title: 'boundary' },
          { title: 'trained from' },
          { title: 'to' },
          right('rows'),
          right('positives'),
          right('AUC'),
          right('AP'),
          right('CP@k'),
        ];
        await host.stdout.write(`${renderTable(columns, models.map(cells), styleFor(host.stdout, host.env)).join('\n')}\n`);
      }
      return 0;
    }),
};

/** midnight is a date alone */
function day(ms: number | null): string {
  return ms === null ? '–' : time(ms).replace(/ 00:00:00$/, '');
}

function cells({ hash, model, inForce }: KnownModel): string[] {
  const { training, metrics } = model;
  const metric = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : value.toFixed(4));
  return [
    model.name,
    hash.slice(0, SHOWN),
    inForce ? 'in force' : '',
    day(model.boundary),
    day(training.from),
    day(training.to),
    count(training.rows),
    count(training.positives),
    metric(metrics?.auc_roc),
    metric(metrics?.average_precision),
    metric(metrics?.card_precision_at_k),
  ];
}

function entry({ hash, model, inForce }: KnownModel): object {
  const { name, boundary, training, threshold, metrics, parent } = model;
  const { from, to, rows, positives, converged, engine } = training;
  return { model: name, hash, in_force: inForce, boundary, trained: { from, to }, rows, positives, converged, engine, threshold, metrics, parent };
}
