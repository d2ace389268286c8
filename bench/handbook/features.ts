import { openDuckdb } from '@millrace/runtime/duckdb.ts';

const DAY = 86_400_000;
const DAYS = [1, 7, 30];

/** in the order of the pipeline file */
export const FEATURES: readonly string[] = [
  'amount',
  'weekend',
  'night',
  ...DAYS.flatMap((days) => [`customer_n_${days}d`, `customer_avg_${days}d`]),
  ...DAYS.flatMap((days) => [`terminal_n_${days}d`, `terminal_risk_${days}d`]),
];

/** A transaction of the Handbook with its features in SQL. */
export interface Transaction {
  /** epoch ms */
  readonly time: number;
  readonly card: string;
  readonly positive: boolean;
  readonly features: Float64Array;
}

const amount = 'tx_amount_cents / 100';
// RANGE counts transactions of the same millisecond in that come later in the file, which nobody has seen yet: they are taken off again
const columns = [
  amount,
  'CAST(isodow(tx_datetime) >= 6 AS INTEGER)',
  'CAST(hour(tx_datetime) <= 6 AS INTEGER)',
  ...DAYS.flatMap((days) => {
    const n = `(count(*) OVER c${days} - count(*) OVER later)`;
    return [n, `(sum(tx_amount_cents) OVER c${days} - coalesce(sum(tx_amount_cents) OVER later, 0)) / 100 / ${n}`];
  }),
  ...DAYS.flatMap((days) => [`count(*) OVER t${days}`, `coalesce(avg(tx_fraud) OVER t${days}, 0)`]),
];

const windows = (delay: number): string[] => [
  'later AS (PARTITION BY customer_id, epoch_ms(tx_datetime) ORDER BY transaction_id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)',
  ...DAYS.map((days) => `c${days} AS (PARTITION BY customer_id ORDER BY epoch_ms(tx_datetime) RANGE BETWEEN ${days * DAY - 1} PRECEDING AND CURRENT ROW)`),
  ...DAYS.map(
    (days) => `t${days} AS (PARTITION BY terminal_id ORDER BY epoch_ms(tx_datetime) RANGE BETWEEN ${days * DAY + delay - 1} PRECEDING AND ${delay} PRECEDING)`,
  ),
];

/** The Handbook's fifteen features by DuckDB alone, of transactions with event time in [from, to); `delay`: until frauds are known. Times in ms. */
export async function transactions(file: string, { from, to, delay }: { from: number; to: number; delay: number }): Promise<Transaction[]> {
  const duckdb = await openDuckdb({ allowedPaths: [file] });
  try {
    const { rows } = await duckdb.query(
      `SELECT epoch_ms(tx_datetime), customer_id, tx_fraud, ${columns.map((column) => `CAST(${column} AS DOUBLE)`).join(', ')}
       FROM '${file.replaceAll("'", "''")}' WINDOW ${windows(delay).join(', ')}
       QUALIFY epoch_ms(tx_datetime) >= ${from} AND epoch_ms(tx_datetime) < ${to} ORDER BY transaction_id`,
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
