import { columnsIn, Shape } from '../../flow/stream.ts';
import { required } from '../../spec/field.ts';
import { expression } from '../../spec/kinds.ts';
import { headOf } from '../../yaml/node.ts';
import type { QuerySpec } from './query.ts';

const fields = {
  sql: required({ ...expression, what: 'a SELECT statement' }, "One SELECT in DuckDB's SQL over the rows of a batch: a table named as what it reads."),
};

export const sql: QuerySpec<typeof fields> = {
  type: 'sql',
  doc: "Any SELECT of DuckDB's, over one batch at a time, as Structured Streaming's foreachBatch. It reads no other table, no file, no clock and no chance.",
  example: `- { id: big, type: sql, from: enriched, sql: "SELECT * FROM enriched WHERE p > 0.9 QUALIFY row_number() OVER (PARTITION BY card_id ORDER BY p DESC) = 1" }`,
  delivery: 'Keeps no state. Where rows are compared or combined, the result follows the limits of batches (`timing`); lint says so.',
  fields,
  async plan({ values, at }, input, { report, expressions }) {
    const statement = await expressions.statement(values.sql, input.id, input);
    if (statement === null) return null;
    if (statement.limits.length > 0)
      report.note(
        headOf(at.sql ?? values.sql),
        'batch_limits',
        `The statement sees one batch at a time, so what comes of its ${statement.limits.join(', ')} follows the limits of batches.`,
      );
    const shape = new Shape();
    const columns = columnsIn(shape, statement.columns);
    const body = { type: 'sql', sql: values.sql.text, table: input.id, inputs: input.columns, limits: statement.limits } as const;
    return { body, columns, shape, broken: new Set<string>(), timed: false, mode: 'append' };
  },
};
