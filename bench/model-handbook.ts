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
import { openDuckdb } from '@millrace/runtime/duckdb.ts';
import { linearScore } from '@millrace/shared-schemas/model.ts';

const DAY = 86_400_000;
const TRAIN = Date.UTC(2018, 6, 25);
const DELAY = 7 * DAY;
const TEST = TRAIN + 14 * DAY;
const END = TEST + 7 * DAY;
const RANGES = [1, 7, 30];
const PUBLISHED = { auc_roc: 0.8705, average_precision: 0.6057, card_precision_at_k: 0.2914 };

const columns = [
  'tx_amount_cents / 100',
  'CAST(isodow(tx_datetime) >= 6 AS INTEGER)',
  'CAST(hour(tx_datetime) <= 6 AS INTEGER)',
  ...RANGES.flatMap((days) => [`count(*) OVER c${days}`, `avg(tx_amount_cents / 100) OVER c${days}`]),
  ...RANGES.flatMap((days) => [`count(*) OVER t${days}`, `coalesce(avg(tx_fraud) OVER t${days}, 0)`]),
];
const windows = [
  ...RANGES.map((days) => `c${days} AS (PARTITION BY customer_id ORDER BY epoch_ms(tx_datetime) RANGE BETWEEN ${days * DAY - 1} PRECEDING AND CURRENT ROW)`),
  ...RANGES.map(
    (days) => `t${days} AS (PARTITION BY terminal_id ORDER BY epoch_ms(tx_datetime) RANGE BETWEEN ${days * DAY + DELAY - 1} PRECEDING AND ${DELAY} PRECEDING)`,
  ),
];

interface Transaction {
  readonly time: number;
  readonly card: string;
  readonly positive: boolean;
  readonly features: Float64Array;
}

async function transactions(file: string): Promise<Transaction[]> {
  const duckdb = await openDuckdb({ allowedPaths: [file] });
  try {
    const { rows } = await duckdb.query(
      `SELECT epoch_ms(tx_datetime), customer_id, tx_fraud, ${columns.map((column) => `CAST(${column} AS DOUBLE)`).join(', ')}
       FROM '${file.replaceAll("'", "''")}' WINDOW ${windows.join(', ')}
       QUALIFY epoch_ms(tx_datetime) >= ${TRAIN} AND epoch_ms(tx_datetime) < ${END} ORDER BY transaction_id`,
    );
    return rows.map(([time, card, fraud, ...features]) => ({
      time: Number(time),
      card: String(card),
      positive: fraud === 1,
      features: Float64Array.from(features as number[]),
    }));
  } finally {
    duckdb.close();
  }
}

async function main(file: string | undefined): Promise<void> {
  if (file === undefined || !existsSync(file)) {
    console.log(`skipped: ${file === undefined ? 'no file given' : `${file} is not there`}; name the Handbook's parquet file as the argument or in HANDBOOK`);
    return;
  }
  const rows = await transactions(file);
  const builder = new DatasetBuilder(columns);
  for (const { time, features, positive } of rows) if (time < TRAIN + 7 * DAY) builder.add(features, positive);
  const data = builder.build();
  const engine = await chooseEngine('auto', data.rows * columns.length);
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
  for (const [name, published] of Object.entries(PUBLISHED)) {
    const found = metrics[name as keyof typeof PUBLISHED];
    const met = found !== null && Math.abs(found - published) <= 0.0005;
    console.log(`${name} ${found?.toFixed(5)}, published ${published}: ${met ? 'met' : 'NOT MET'}`);
    if (!met) process.exitCode = 1;
  }
}

await main(process.argv[2] ?? process.env.HANDBOOK);
