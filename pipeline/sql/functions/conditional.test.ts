import { afterAll, beforeAll, test } from 'vitest';
import { conditionalFunctions } from './conditional.ts';
import { type Comparison, expectSame, type Oracle, openOracle, overloadNamed } from './duckdb.case.ts';
import { edges } from './edges.case.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

test.each(['greatest', 'least'])('%s as DuckDB', async (name) => {
  const overload = overloadNamed(conditionalFunctions, name);
  const decimal = {
    type: 'DECIMAL(38,2)',
    values: ['-999999999999999999999999999999999999.99', '0', '1.5', '90071992547409.93', '999999999999999999999999999999999999.99'],
  };
  const columns = [...Object.values(edges), decimal, { type: 'BOOLEAN', values: ['true', 'false'] }];
  const comparisons = columns.flatMap((column): Comparison[] => [
    { sql: `${name}($1)`, overload, columns: [column] },
    { sql: `${name}($1, $2)`, overload, columns: [column, column] },
  ]);
  const few = { type: 'DOUBLE', values: ['nan', '-0.0', '0', 'inf'] };
  await expectSame(oracle, [...comparisons, { sql: `${name}($1, $2, $3)`, overload, columns: [few, few, few] }]);
});
