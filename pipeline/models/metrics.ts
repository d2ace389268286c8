import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';

const DOUBLE: SqlType = { kind: 'DOUBLE' };
const BIGINT: SqlType = { kind: 'BIGINT' };

const METRICS: Readonly<Record<string, SqlType>> = {
  auc_roc: DOUBLE,
  average_precision: DOUBLE,
  card_precision_at_k: DOUBLE,
  log_loss: DOUBLE,
  brier: DOUBLE,
  rows: BIGINT,
  positives: BIGINT,
  k: BIGINT,
};

/**
 * What `promote_if` reads: a slot a metric of the new model, and the slot `current`, an object of the same metrics of the promoted
 * model on the same rows. A metric that the rows do not define is NULL.
 */
export const promotionColumns: readonly Column[] = [
  ...Object.entries(METRICS).map(([name, type]) => ({ name, type, nullable: type === DOUBLE, slot: name })),
  { name: 'current', type: { kind: 'STRUCT', fields: Object.entries(METRICS).map(([name, type]) => ({ name, type })) }, nullable: true, slot: 'current' },
];
