import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AggregateOptions } from './aggregates.ts';
import { type Checker, openChecker } from './check.ts';
import { compile } from './compile.ts';
import { typeSql } from './sql-type.ts';

const column = (name: string, type: SqlType, nullable = false): Column => ({ name, type, nullable, slot: name });
const key = column('card', { kind: 'VARCHAR' });
const columns: readonly Column[] = [
  key,
  column('amount', { kind: 'INTEGER' }),
  column('cents', { kind: 'BIGINT' }, true),
  column('price', { kind: 'DOUBLE' }),
  column('ratio', { kind: 'FLOAT' }),
  column('total', { kind: 'DECIMAL', width: 10, scale: 2 }),
  column('ok', { kind: 'BOOLEAN' }),
  column('ts', { kind: 'TIMESTAMP' }),
  column('tags', { kind: 'LIST', of: { kind: 'VARCHAR' } }),
];

describe('the checker of aggregates', () => {
  let checker: Checker;
  beforeAll(async () => {
    checker = await openChecker();
  });
  afterAll(() => checker.close());

  const check = (select: Record<string, string>, options?: AggregateOptions) =>
    checker.aggregates(
      Object.entries(select).map(([name, sql]) => ({ name, sql })),
      columns,
      [key],
      options,
    );

  async function flaw(sql: string, options?: AggregateOptions) {
    const result = await check({ x: sql }, options);
    if (result.ok) throw new Error(`accepted: ${sql}`);
    const [{ flaw: found }] = result.flaws;
    return { ...found, marked: sql.slice(found.start, found.end) };
  }

  it.each([
    ['count(*)', 'BIGINT', false],
    ['count(cents)', 'BIGINT', false],
    ['sum(amount)', 'HUGEINT', false],
    ['sum(cents)', 'HUGEINT', true],
    ['sum(ok)', 'HUGEINT', false],
    ['sum(total)', 'DECIMAL(38,2)', false],
    ['sum(price)', 'DOUBLE', false],
    ['sum(ratio)', 'DOUBLE', false],
    ['avg(amount)', 'DOUBLE', false],
    ['avg(total)', 'DOUBLE', false],
    ['min(ratio)', 'FLOAT', false],
    ['max(ts)', 'TIMESTAMP', false],
    ["min('a')", 'VARCHAR', false],
    ['max(1)', 'INTEGER', false],
    ['stddev_samp(amount)', 'DOUBLE', true],
    ['stddev_pop(amount)', 'DOUBLE', false],
    ['var_samp(total)', 'DOUBLE', true],
    ['var_pop(cents)', 'DOUBLE', true],
    ['bool_and(ok)', 'BOOLEAN', false],
    ['bool_or(amount > 1)', 'BOOLEAN', false],
    ['arg_min(card, amount)', 'VARCHAR', false],
    ['arg_max(total, ts)', 'DECIMAL(10,2)', false],
    ['first(card)', 'VARCHAR', false],
    ['last(total)', 'DECIMAL(10,2)', false],
    ['sum(amount) FILTER (WHERE price > 1)', 'HUGEINT', true],
    ['sum(amount) / count(*)', 'DOUBLE', false],
    ['sum(total) * 2', 'DECIMAL(38,2)', false],
    ["upper(card) || ':' || count(*)", 'VARCHAR', false],
    ['coalesce(sum(cents), 0) + 1', 'HUGEINT', false],
  ])('types %s as %s', async (sql, type, nullable) => {
    const result = await check({ x: sql });
    if (!result.ok) throw new Error(JSON.stringify(result.flaws));
    const [{ expr }] = result.aggregates.results;
    expect([typeSql(expr.type), expr.nullable]).toEqual([type, nullable]);
  });

  it('keeps a call that stands twice once, and computes from what is kept', async () => {
    const result = await check({ mean: 'sum(amount) / count(*)', more: 'sum(amount) + 1', who: 'card' });
    if (!result.ok) throw new Error(JSON.stringify(result.flaws));
    const { calls, results } = result.aggregates;
    expect(calls.map((call) => [call.fn, call.slot, call.args.length])).toEqual([
      ['sum', 'a0', 1],
      ['count', 'a1', 0],
    ]);
    const row = { a0: 7, a1: 2, card: 'c' };
    expect(results.map(({ name, expr }) => [name, compile(expr.tree)(row)])).toEqual([
      ['mean', 3.5],
      ['more', 8],
      ['who', 'c'],
    ]);
  });

  it('takes no slot that a key has', async () => {
    const odd = { ...column('a0', { kind: 'INTEGER' }), slot: 'a0' };
    const result = await checker.aggregates([{ name: 'x', sql: 'sum(amount) + a0' }], [...columns, odd], [odd]);
    expect(result.ok && result.aggregates.calls.map((call) => call.slot)).toEqual(['a1']);
  });

  it('may be NULL where there may be no record', async () => {
    const result = await check({ n: 'count(*)', total: 'sum(amount)' }, { mayBeEmpty: true });
    expect(result.ok && result.aggregates.results.map(({ expr }) => expr.nullable)).toEqual([false, true]);
  });

  it('casts what is filtered and what is measured', async () => {
    const result = await check({ x: 'stddev_pop(amount) FILTER (WHERE amount)' });
    const call = result.ok ? result.aggregates.calls[0] : undefined;
    expect(call?.filter).toMatchObject({ op: 'cast', type: { kind: 'BOOLEAN' } });
    expect(call?.args[0]).toMatchObject({ op: 'cast', type: { kind: 'DOUBLE' } });
  });

  it('counts distinct values in window steps only', async () => {
    expect((await check({ x: 'count(DISTINCT card)' }, { distinct: true })).ok).toBe(true);
    expect((await flaw('count(DISTINCT card)')).message).toContain('window steps only');
    expect((await flaw('sum(DISTINCT amount)', { distinct: true })).message).toContain('count only');
  });

  it.each([
    ['amount', 'not_aggregated', 'amount'],
    ['sum(amount) + price', 'not_aggregated', 'price'],
    ['sum(max(amount))', 'unsupported_expression', 'max'],
    ['sum(amount) FILTER (WHERE max(amount) > 1)', 'unsupported_expression', 'max'],
    ['sum(amonut)', 'unknown_column', 'amonut'],
    ['sum(card)', 'type_error', 'card'],
    ['avg(ok)', 'type_error', 'ok'],
    ['min(tags)', 'type_error', 'tags'],
    ['bool_and(amount)', 'type_error', 'amount'],
    ['sum(NULL)', 'type_error', 'NULL'],
    ['sum(amount, price)', 'type_error', 'sum'],
    ['max(amount, 2)', 'type_error', 'max'],
    ['arg_max(amount)', 'type_error', 'arg_max'],
    ['first(amount ORDER BY ts)', 'unsupported_expression', 'first'],
    ['median(amount)', 'unsupported_function', 'median'],
    ['approx_quantile(price, 0.5)', 'unsupported_function', 'approx_quantile'],
    ['string_agg(card, 1)', 'unsupported_function', 'string_agg'],
    ['sum(amount) OVER ()', 'unsupported_expression', undefined],
  ])('refuses %s', async (sql, code, marked) => {
    const found = await flaw(sql);
    expect(found.code).toBe(code);
    if (marked !== undefined) expect(found.marked).toBe(marked);
  });

  it('names another way', async () => {
    expect((await flaw('stddev(amount)')).hint).toBe('Write stddev_samp.');
    expect((await flaw('amount')).hint).toContain('first(amount)');
  });

  it('tells the flaws of each entry', async () => {
    const result = await check({ good: 'count(*)', bad: 'nope(1)', worse: 'sum(' });
    expect(result.ok ? [] : result.flaws.map(({ name, flaw: { code } }) => [name, code])).toEqual([
      ['bad', 'unsupported_function'],
      ['worse', 'sql_syntax'],
    ]);
  });
});
