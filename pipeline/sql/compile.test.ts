import { rowMaker } from '@millrace/shared-schemas/row.ts';
import { type Column, FlawError, type Row, type SqlType, type Value } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checker, openChecker } from './check.ts';
import { compile, compilePredicate } from './compile.ts';
import { comparerOf } from './operators/compare.ts';

const column = (name: string, type: SqlType): Column => ({ name, type, nullable: true, slot: name });
const columns: readonly Column[] = [
  column('i', { kind: 'INTEGER' }),
  column('l', { kind: 'BIGINT' }),
  column('d', { kind: 'DOUBLE' }),
  column('s', { kind: 'VARCHAR' }),
  column('b', { kind: 'BOOLEAN' }),
  column('list', { kind: 'LIST', of: { kind: 'INTEGER' } }),
];
const make = rowMaker(columns.map((one) => one.slot));

function rowOf(values: Row): Row {
  return Object.assign(make(), values);
}

describe('compiled expressions', () => {
  let checker: Checker;
  beforeAll(async () => {
    checker = await openChecker();
  });
  afterAll(() => checker.close());

  async function treeOf(sql: string) {
    const result = await checker.scalar(sql, columns);
    if (!result.ok) throw new Error(`${sql}: ${result.flaw.message}`);
    return result.checked.tree;
  }
  const run = async (sql: string, values: Row): Promise<Value> => compile(await treeOf(sql))(rowOf(values));

  it.each([
    ['b AND s::INTEGER = 1', { b: false, s: 'x' }, false],
    ['b OR s::INTEGER = 1', { b: true, s: 'x' }, true],
    ['CASE WHEN b THEN 1 ELSE s::INTEGER END', { b: true, s: 'x' }, 1],
    ['coalesce(i, s::INTEGER)', { i: 7, s: 'x' }, 7],
    ['ifnull(i, s::INTEGER)', { i: 7, s: 'x' }, 7],
    ['i BETWEEN 5 AND s::INTEGER', { i: 4, s: 'x' }, false],
    ['TRY_CAST(s AS INTEGER)', { s: 'x' }, null],
  ] as const)('%s does not evaluate what it skips', async (sql, values, expected) => {
    expect(await run(sql, values)).toBe(expected);
  });

  it.each([
    ['b AND s::INTEGER = 1', { b: true, s: 'x' }],
    ['b AND s::INTEGER = 1', { b: null, s: 'x' }],
    ['b OR s::INTEGER = 1', { b: null, s: 'x' }],
    ['s::INTEGER = 1 AND b', { b: false, s: 'x' }],
    ['i + 1', { i: 2147483647 }],
    ['l * 2', { l: 9223372036854775807n }],
    ['-l', { l: -9223372036854775808n }],
    ['i // -1', { i: -2147483648 }],
    ['sqrt(d)', { d: -1 }],
    ['ln(d)', { d: 0 }],
    ['d::INTEGER', { d: Number.NaN }],
    ['d::INTEGER', { d: 2147483647.5 }],
    ['s::TIMESTAMP', { s: 'noon' }],
  ] as const)('%s fails for a value it cannot take, the test for TRUE as well', async (sql, values) => {
    const tree = await treeOf(sql);
    for (const evaluate of [compile(tree), ...(tree.type.kind === 'BOOLEAN' ? [compilePredicate(tree)] : [])]) {
      let caught: unknown;
      try {
        evaluate(rowOf(values));
      } catch (error) {
        caught = error;
      }
      expect(caught).toBeInstanceOf(FlawError);
      expect((caught as FlawError).code).toBe('expression_failed');
    }
  });

  it('keeps integers exact across 2^53', async () => {
    expect(await run('l + 2', { l: Number.MAX_SAFE_INTEGER })).toBe(9007199254740993n);
    expect(await run('l - 2', { l: 9007199254740993n })).toBe(Number.MAX_SAFE_INTEGER);
    expect(await run('l * l', { l: 3037000499 })).toBe(9223372030926249001n);
    expect(await run('l = 9007199254740993', { l: 9007199254740993n })).toBe(true);
    expect(await run('l > 9007199254740992.5', { l: 9007199254740993n })).toBe(true);
  });

  it('has no −0 among integers', async () => {
    expect(Object.is(await run('i * -1', { i: 0 }), 0)).toBe(true);
    expect(Object.is(await run('-i', { i: 0 }), 0)).toBe(true);
    expect(Object.is(await run('i % 5', { i: -5 }), 0)).toBe(true);
    expect(Object.is(await run('d::INTEGER', { d: -0.2 }), 0)).toBe(true);
    expect(Object.is(await run('-d', { d: 0 }), -0)).toBe(true);
  });

  it('finds IN by value, with NULL among the values', async () => {
    expect(await run("s IN ('a', NULL)", { s: 'a' })).toBe(true);
    expect(await run("s IN ('a', NULL)", { s: 'b' })).toBe(null);
    expect(await run("s NOT IN ('a', NULL)", { s: 'b' })).toBe(null);
    expect(await run("d IN (CAST('nan' AS DOUBLE), 0)", { d: Number.NaN })).toBe(true);
    expect(await run('d IN (1, 0)', { d: -0 })).toBe(true);
    expect(await run('i IN (l, 3)', { i: 3, l: null })).toBe(true);
    expect(await run('i IN (l, 3)', { i: 4, l: null })).toBe(null);
  });

  it('indexes lists from 1 and from the end', async () => {
    const list = [10, null, 30];
    expect(await run('list[1]', { list })).toBe(10);
    expect(await run('list[-1]', { list })).toBe(30);
    expect(await run('list[2]', { list })).toBe(null);
    for (const at of [0, 4, -4, 9223372036854775807n, null]) expect(await run('list[l]', { list, l: at })).toBe(null);
  });

  it('tests for TRUE as the expression itself says', async () => {
    const predicates = await Promise.all(
      [
        'i > 0',
        'i >= l',
        'd > 1.5',
        'd <= 1.5',
        'd <> 0',
        "s = 'a'",
        "s IN ('a', 'b', 'c')",
        "s IN ('a', 'b', 'c', 'd', 'e')",
        "i > 0 AND s IN ('a', 'b')",
        "i > 0 OR d < 1 OR s = 'a'",
        'NOT b',
        'b IS NOT TRUE',
        'd BETWEEN 0 AND 2',
        'i IS NULL',
        'b',
      ].map(async (sql) => {
        const tree = await treeOf(sql);
        return [compile(tree), compilePredicate(tree)] as const;
      }),
    );
    const rows = fc.record({
      i: fc.option(fc.integer({ min: -3, max: 3 })),
      l: fc.option(fc.integer({ min: -3, max: 3 })),
      d: fc.option(fc.oneof(fc.constantFrom(Number.NaN, -0, 0, 1.5, Number.POSITIVE_INFINITY), fc.double())),
      s: fc.option(fc.constantFrom('', 'a', 'b', 'e', 'z')),
      b: fc.option(fc.boolean()),
    });
    fc.assert(
      fc.property(rows, (values) => {
        const row = rowOf(values);
        for (const [evaluate, holds] of predicates) expect(holds(row)).toBe(evaluate(row) === true);
      }),
    );
  });

  it('orders texts as their UTF-8 bytes', () => {
    const compareText = comparerOf({ kind: 'VARCHAR' });
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom('a', '\uD7FF', '\uE000', '\uFFFF', '😀', '\u{10000}', 'z'), fc.string({ unit: 'binary', maxLength: 1 })),
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  it('survives a plan written as JSON', async () => {
    const tree = await treeOf("CASE WHEN i > 1 THEN s || 'x' ELSE CAST(l + 9007199254740993 AS VARCHAR) END");
    const again = JSON.parse(JSON.stringify(tree)) as typeof tree;
    expect(compile(again)(rowOf({ i: 0, l: 1 }))).toBe('9007199254740994');
  });
});
