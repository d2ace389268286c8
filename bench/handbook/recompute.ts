/**
 * The fifteen features once more, in SQL, and how they compare with those of the pipeline: `node recompute.ts TRANSACTIONS FEATURES`
 * (Parquet, CSV) prints one JSON document. DuckDB shares nothing with the record stage but the definition in the Handbook.
 */
import { openDuckdb } from '@millrace/runtime/duckdb.ts';
import type { Comparison } from './compare.ts';

const DAY = 86_400_000;
const DAYS = [1, 7, 30] as const;
/** relative, for means */
const CLOSE = 1e-9;

/** A window frame over milliseconds: (t − delay − days, t − delay], other records of the same millisecond in. */
function frame(days: number, delay: number): string {
  const near = delay === 0 ? 'CURRENT ROW' : `${delay * DAY} PRECEDING`;
  return `RANGE BETWEEN ${(days + delay) * DAY - 1} PRECEDING AND ${near}`;
}

const customer = DAYS.map(
  (days) => `count(*) OVER c${days} AS customer_n_${days}d, sum(tx_amount_cents) OVER c${days} / 100.0 / count(*) OVER c${days} AS customer_avg_${days}d`,
);
const terminal = DAYS.map(
  (days) => `count(*) OVER t${days} AS terminal_n_${days}d, coalesce(sum(tx_fraud) OVER t${days} / count(*) OVER t${days}, 0) AS terminal_risk_${days}d`,
);
const windows = DAYS.flatMap((days) => [
  `c${days} AS (PARTITION BY customer_id ORDER BY ms ${frame(days, 0)})`,
  `t${days} AS (PARTITION BY terminal_id ORDER BY ms ${frame(days, 7)})`,
]);

const counts = ['weekend', 'night', ...DAYS.flatMap((days) => [`customer_n_${days}d`, `terminal_n_${days}d`])];
const means = ['amount', ...DAYS.flatMap((days) => [`customer_avg_${days}d`, `terminal_risk_${days}d`])];

const differs = [
  ...counts.map((name) => `ours.${name} IS DISTINCT FROM sql.${name}`),
  ...means.map((name) => `coalesce(abs(ours.${name} - sql.${name}) > ${CLOSE} * greatest(abs(sql.${name}), 1e-300), true)`),
];

const [transactions, features] = process.argv.slice(2);
const duckdb = await openDuckdb({ allowedPaths: [transactions, features] });
await duckdb.query(
  `CREATE TABLE sql AS SELECT * FROM (
     SELECT transaction_id, tx_datetime, tx_amount_cents / 100.0 AS amount,
       CASE WHEN dayname(tx_datetime) IN ('Saturday', 'Sunday') THEN 1 ELSE 0 END AS weekend,
       CASE WHEN strftime(tx_datetime, '%H')::INTEGER <= 6 THEN 1 ELSE 0 END AS night,
       count(*) OVER (PARTITION BY customer_id, ms) > 1 AS tied, ${[...customer, ...terminal].join(', ')}
     FROM (SELECT *, epoch_ms(tx_datetime) AS ms FROM read_parquet($1))
     WINDOW ${windows.join(', ')})
   WHERE tx_datetime >= '2018-07-25' AND tx_datetime < '2018-08-15'`,
  [transactions],
);
await duckdb.query('CREATE TABLE ours AS SELECT * FROM read_csv($1, header = true)', [features]);
const { rows } = await duckdb.query(
  `SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM sql), count(*), count(DISTINCT transaction_id),
     count(*) FILTER (WHERE tied), count(*) FILTER (WHERE tied AND (${differs.join(' OR ')})), count(*) FILTER (WHERE NOT tied AND (${differs.join(' OR ')}))
   FROM ours JOIN sql USING (transaction_id)`,
);
const [ours, sql, joined, distinct, tied, tiedDiffering, differing] = rows[0] as number[];
duckdb.close();
console.log(JSON.stringify({ ours, sql, joined, distinct, tied, tiedDiffering, differing } satisfies Comparison));
