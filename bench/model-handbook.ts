/**
 * The Fraud Detection Handbook's baseline with our solver and metrics, by DuckDB alone and without the pipeline: fifteen features, trained on
 * 2018-07-25..07-31, judged on 08-08..08-14. `node bench/model-handbook.ts <file>` (or HANDBOOK=<file>); the reading is
 * `docs/decisions/0008-evaluation.md`.
 */
import { existsSync } from 'node:fs';
import { DatasetBuilder } from '@millrace/analyzer/ml/dataset.ts';
import { chooseEngine } from '@millrace/analyzer/ml/engines.ts';
import { compromisedCards, evaluate } from '@millrace/analyzer/ml/evaluate.ts';
import { fit as train } from '@millrace/analyzer/ml/fit.ts';
import { linearScore } from '@millrace/shared-schemas/model.ts';
import { FEATURES, transactions } from './handbook/features.ts';
import { compared } from './handbook/published.ts';

const DAY = 86_400_000;
const TRAIN = Date.UTC(2018, 6, 25);
const DELAY = 7 * DAY;
const TEST = TRAIN + 14 * DAY;
const END = TEST + 7 * DAY;
async function main(file: string | undefined): Promise<void> {
  if (file === undefined || !existsSync(file)) {
    console.log(`skipped: ${file === undefined ? 'no file given' : `${file} is not there`}; name the Handbook's parquet file as the argument or in HANDBOOK`);
    return;
  }
  const rows = await transactions(file, { from: TRAIN, to: END, delay: DELAY });
  const builder = new DatasetBuilder(FEATURES);
  for (const { time, features, positive } of rows) if (time < TRAIN + 7 * DAY) builder.add(features, positive);
  const data = builder.build();
  const engine = await chooseEngine('auto', data.rows * FEATURES.length);
  const model = await train(data, { l2: 1, l1: 0, classWeight: 'none', standardize: true, engine });
  if (!model.ok) throw new Error(model.message);
  const metrics = evaluate({
    from: TEST,
    to: END,
    k: 100,
    rows: rows.filter(({ time }) => time >= TEST).map((row) => ({ ...row, score: linearScore(model, row.features) })),
    compromised: compromisedCards(rows, TRAIN, DELAY),
  });
  console.log(
    JSON.stringify({ trained: { rows: model.rows, positives: model.positives, engine: model.engine, iterations: model.iterations }, metrics }, null, 2),
  );
  const { lines, met } = compared(metrics);
  console.log(lines.join('\n'));
  if (!met) process.exitCode = 1;
}

await main(process.argv[2] ?? process.env.HANDBOOK);
