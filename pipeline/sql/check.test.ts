import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checker, openChecker } from './check.ts';
import { compile } from './compile.ts';
import type { SqlFlaw } from './expr.ts';
import { typeSql } from './sql-type.ts';

const column = (name: string, type: SqlType, nullable = true): Column => ({ name, type, nullable, slot: name.replaceAll(/\W/g, '_') });
const columns: readonly Column[] = [
  column('amount', { kind: 'INTEGER' }, false),
  column('price', { kind: 'DOUBLE' }),
  column('total', { kind: 'DECIMAL', width: 18, scale: 2 }),
  column('currency', { kind: 'VARCHAR' }, false),
  column('Straße x', { kind: 'VARCHAR' }),
  column('ts', { kind: 'TIMESTAMP' }, false),
  column('at', { kind: 'TIMESTAMP' }, false),
  column('items', { kind: 'LIST', of: { kind: 'INTEGER' } }),
  column('place', { kind: 'STRUCT', fields: [{ name: 'City', type: { kind: 'STRUCT', fields: [{ name: 'name', type: { kind: 'VARCHAR' } }] } }] }),
  column('raw', { kind: 'BLOB' }),
  column('tags', { kind: 'MAP', of: { kind: 'VARCHAR' } }),
];
const row = {
  amount: 5,
  price: 1.5,
  total: 1234,
  currency: 'EUR',
  Stra_e_x: 'q',
  ts: 1_700_000_000_000_000,
  at: 1_700_000_000_000_000,
  items: [1, 2, 3],
  place: { City: { name: 'Ulm' } },
  raw: new Uint8Array([1]),
  tags: new Map([['a', 'b']]),
};

describe('the checker of expressions', () => {
  let checker: Checker;
  beforeAll(async () => {
    checker = await openChecker();
  });
  afterAll(() => checker.close());

  async function flawOf(sql: string): Promise<SqlFlaw & { readonly marked: string }> {
    const result = await checker.scalar(sql, columns);
    if (result.ok) throw new Error(`accepted: ${sql} as ${typeSql(result.checked.type)}`);
    return { ...result.flaw, marked: sql.slice(result.flaw.start, result.flaw.end) };
  }

  async function value(sql: string): Promise<unknown> {
    const result = await checker.scalar(sql, columns);
    if (!result.ok) throw new Error(`${sql}: ${result.flaw.message}`);
    return compile(result.checked.tree)(row);
  }

  it.each([
    ['amount * 1.1', 'DECIMAL(12,1)', false],
    ['price * 1.1', 'DOUBLE', true],
    ['amount / 2', 'DOUBLE', false],
    ['amount // 2', 'INTEGER', true],
    ['amount + 2147483648', 'BIGINT', false],
    ['total * total', 'DECIMAL(18,4)', true],
    ["CASE WHEN amount > 1 THEN 'a' END", 'VARCHAR', true],
    ['coalesce(price, 0)', 'DOUBLE', false],
    ['items[1]', 'INTEGER', true],
    ['place.city.NAME', 'VARCHAR', true],
    ["place['City']['name']", 'VARCHAR', true],
    ['ts + INTERVAL 1 DAY', 'TIMESTAMP', false],
    ['NULL', 'INTEGER', true],
    ["amount IN (1, 2.5, '3')", 'BOOLEAN', false],
    ['raw', 'BLOB', true],
    ['tags', 'MAP(VARCHAR, VARCHAR)', true],
  ])('types %s as %s', async (sql, type, nullable) => {
    const result = await checker.scalar(sql, columns);
    expect(result.ok && [typeSql(result.checked.type), result.checked.nullable]).toEqual([type, nullable]);
  });

  it('finds columns whatever their case, quoted or not, and beyond ASCII', async () => {
    expect(await value('AMOUNT + "Amount"')).toBe(10);
    expect(await value('"Straße x"')).toBe('q');
    expect(await value('"sTRAßE X" || 1')).toBe('q1');
    expect(await value('PLACE.city."NAME"')).toBe('Ulm');
  });

  it('reads comments, and quotes in quotes', async () => {
    expect(await value('amount -- the amount\n + 1')).toBe(6);
    expect(await value('/* first */ amount')).toBe(5);
    expect(await value("'it''s -- no comment; nor two'")).toBe("it's -- no comment; nor two");
    expect(await value('amount -- last')).toBe(5);
  });

  it.each([
    ['amonut > 1', 'unknown_column', 'amonut', 'amount'],
    ['\'ä😀\' || "Straße y"', 'unknown_column', '"Straße y"', 'Straße x'],
    ['place.citi.name', 'unknown_column', 'citi', 'City'],
    ['uper(currency)', 'unsupported_function', 'uper', 'upper'],
    ['amount + now()', 'unsupported_function', 'now', undefined],
    ['current_date', 'unsupported_function', 'current_date', undefined],
    ['random() > 0.5', 'unsupported_function', 'random', undefined],
    ["current_setting('threads')", 'unsupported_function', 'current_setting', undefined],
    ["getenv('HOME')", 'unsupported_function', 'getenv', undefined],
    ["regexp_matches(currency, 'E.*')", 'unsupported_function', 'regexp_matches', undefined],
    ["currency SIMILAR TO 'x'", 'unsupported_function', 'SIMILAR', undefined],
    ["read_text('secret')", 'unsupported_function', 'read_text', undefined],
    ['pg_catalog.abs(1)', 'unsupported_function', 'pg_catalog', undefined],
    ['(SELECT 1)', 'unsupported_expression', undefined, undefined],
    ['EXISTS (SELECT 1)', 'unsupported_expression', undefined, undefined],
    ['amount IN (SELECT 1)', 'unsupported_expression', undefined, undefined],
    ['row_number() OVER ()', 'unsupported_expression', undefined, undefined],
    ['*', 'unsupported_expression', '*', undefined],
    ['COLUMNS(*)', 'unsupported_expression', undefined, undefined],
    ['list_transform(items, x -> x + 1)', 'unsupported_expression', undefined, undefined],
    ['currency COLLATE NOCASE', 'unsupported_expression', undefined, undefined],
    ['$1', 'unsupported_expression', undefined, undefined],
    ['items[1:2]', 'unsupported_expression', undefined, undefined],
    ["tags['a']", 'unsupported_expression', undefined, undefined],
    ['raw = raw', 'unsupported_expression', undefined, undefined],
    ['raw::VARCHAR', 'unsupported_expression', undefined, undefined],
    ['INTERVAL 1 DAY', 'unsupported_expression', undefined, undefined],
    ['ts + to_days(amount)', 'unsupported_expression', 'to_days', undefined],
    ['ts - ts', 'type_error', '-', undefined],
    ['ts::TIMESTAMPTZ', 'unsupported_type', undefined, undefined],
    ['ts::TIME', 'unsupported_type', undefined, undefined],
    ['amount::UINTEGER', 'unsupported_type', undefined, undefined],
    ['sum(amount)', 'unsupported_expression', 'sum', undefined],
    ['count(*)', 'unsupported_expression', 'count', undefined],
    ['median(amount)', 'unsupported_function', 'median', undefined],
    ["amount > 'many'", 'type_error', "'many'", undefined],
    ['amount + currency', 'type_error', '+', undefined],
    ['currency > ts', 'type_error', undefined, undefined],
    ['NOT ts', 'type_error', 'ts', undefined],
    ['lower(amount)', 'type_error', 'lower', undefined],
    ['substr(currency)', 'type_error', 'substr', undefined],
    ['abs(DISTINCT amount)', 'unsupported_expression', 'abs', undefined],
  ])('refuses %s by name', async (sql, code, marked, hint) => {
    const flaw = await flawOf(sql);
    expect(flaw.code).toBe(code);
    if (marked !== undefined) expect(flaw.marked).toBe(marked);
    if (hint !== undefined) expect(flaw.hint).toContain(hint);
    expect(flaw.message).not.toBe('');
  });

  it.each([
    '',
    '   ',
    '-- nothing',
    '1; DROP TABLE t',
    '1; SELECT 2',
    'amount, price',
    'amount AS x',
    'amount x',
    'amount FROM t',
    'amount) + (price',
    '1 UNION SELECT 2',
    'DISTINCT amount',
    'amount >',
    "'open",
    '"open',
    '/* open',
    'amount\0',
    'CREATE TABLE x (a INTEGER)',
    'amount WHERE true',
    'amount ORDER BY 1',
    'amount LIMIT 1',
    'amount;',
  ])('takes one expression only, not %j', async (sql) => {
    expect((await flawOf(sql)).code).toBe('sql_syntax');
  });

  it.each([
    ['brackets', () => `${'('.repeat(10_000)}1${')'.repeat(10_000)}`],
    ['NOTs', () => `${'NOT '.repeat(10_000)}true`],
    ['minuses', () => `${'- '.repeat(10_000)}1`],
    ['sums', () => Array(5_000).fill('amount').join(' + ')],
    ['CASEs', () => `${'CASE WHEN true THEN '.repeat(3_000)}1${' END'.repeat(3_000)}`],
    ['lists', () => `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['characters', () => `'${'x'.repeat(200_000)}'`],
  ])('refuses thousands of %s and lives on', async (_, make) => {
    expect(['sql_too_complex', 'sql_syntax']).toContain((await flawOf(make())).code);
    expect(await value('amount')).toBe(5);
  });

  it('takes what people write at length', async () => {
    expect(await value(`amount IN (${Array.from({ length: 2_000 }, (_, i) => i).join(', ')})`)).toBe(true);
    expect(await value(Array(300).fill('amount').join(' + '))).toBe(1500);
    expect(await value(Array(1_000).fill('amount > 0').join(' AND '))).toBe(true);
    expect(await value(`${'('.repeat(100)}amount${')'.repeat(100)}`)).toBe(5);
  });

  it('says when a column needs quotes', async () => {
    expect(await flawOf('at > ts')).toMatchObject({ code: 'sql_syntax', hint: expect.stringContaining('"at"') });
    expect(await value('"at" = ts')).toBe(true);
  });

  it('asks for a type where one is needed', async () => {
    expect((await checker.scalar('amount > 1', columns, 'BOOLEAN')).ok).toBe(true);
    expect((await checker.scalar('NULL', columns, 'BOOLEAN')).ok).toBe(true);
    const result = await checker.scalar('amount', columns, 'BOOLEAN');
    expect(result.ok ? null : result.flaw.message).toContain('BOOLEAN is needed here, not INTEGER');
  });

  it('keeps digits that doubles lose', async () => {
    expect(await value('9007199254740993')).toBe(9007199254740993n);
    expect(await value('170141183460469231731687303715884105727')).toBe(170141183460469231731687303715884105727n);
    expect(await value('12345678901234567890.123456789')).toBe(12345678901234567890123456789n);
    expect(await value('1e400')).toBe(Number.POSITIVE_INFINITY);
  });

  it('folds what is constant, and leaves what fails to the records that reach it', async () => {
    const folded = await checker.scalar("upper('a') || (1 + 2)", columns);
    expect(folded.ok && folded.checked.tree).toEqual({ op: 'literal', text: 'A3', type: { kind: 'VARCHAR' } });
    expect(await value("CASE WHEN amount > 1 THEN 1 ELSE CAST('x' AS INTEGER) END")).toBe(1);
    await expect(value("CASE WHEN amount < 1 THEN 1 ELSE CAST('x' AS INTEGER) END")).rejects.toThrow("Could not convert string 'x'");
  });

  it('tells apart columns whose names differ in case only by refusing them', async () => {
    const twins = [column('a', { kind: 'INTEGER' }), { ...column('A', { kind: 'VARCHAR' }), slot: 'A_1' }, column('b', { kind: 'INTEGER' })];
    expect((await checker.scalar('b + 1', twins)).ok).toBe(true);
    const result = await checker.scalar('a', twins);
    expect(result.ok ? null : result.flaw.message).toContain('upper and lower case');
  });

  it('hides a secret until the run', async () => {
    const result = await checker.scalar("hmac(currency) || hmac('x')", columns);
    if (!result.ok) throw new Error(result.flaw.message);
    expect(JSON.stringify(result.checked)).not.toContain('key');
    expect(() => compile(result.checked.tree)(row)).toThrow('secret');
    expect(compile(result.checked.tree, { hmacSecret: 'key' })(row)).toMatch(/^[0-9a-f]{128}$/);
  });
});
