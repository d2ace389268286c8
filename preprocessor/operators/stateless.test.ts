import type { FilterPlan, FlatMapPlan, LookupPlan, MapPlan } from '@millrace/pipeline/plan.ts';
import type { Checked, Expr } from '@millrace/pipeline/sql/expr.ts';
import type { Row, SqlType } from '@millrace/shared-schemas/types.ts';
import { expect, test } from 'vitest';
import { Harness } from './harness.case.ts';
import { column, greater, key, plain } from './harness-plans.case.ts';

const slots = [['k', 'x', 'i', 'i_1', 'list', 'item', 'risk']];
const checked = (tree: Expr): Checked => ({ sql: '', type: tree.type, nullable: true, tree });
const bigint: SqlType = { kind: 'BIGINT' };
const toNumber: Expr = { op: 'cast', safe: false, arg: column('k'), type: bigint };
const feed = (harness: Harness, ...rows: Row[]): Harness => {
  rows.forEach((row, t) => {
    harness.feed({ t, row });
  });
  return harness;
};

test('filter keeps only TRUE; a condition that fails is a flaw, alone', () => {
  const where = feed(
    new Harness(plain<FilterPlan>({ type: 'filter', where: checked(greater(column('i'), '2')) }), slots),
    { i: 3 },
    { i: 2 },
    { i: null },
    { i: 4 },
  );
  expect(where.emitted.map((row) => row['i'])).toEqual([3, 4]);
  const failing = feed(new Harness(plain<FilterPlan>({ type: 'filter', where: checked(greater(toNumber, '2')) }), slots), { k: 'x' }, { k: '3' });
  expect(failing.out.map((e) => [e.kind, e.offset])).toEqual([
    ['flaw', 0],
    ['row', 1],
  ]);
});

test('map: every expression sees the incoming record; one that fails keeps it from going on', () => {
  // set: { i: cast(k), x: i } as the plan has it: i is a new slot, and the second reads the old one
  const set = [
    { slot: 'i_1', expr: checked(toNumber) },
    { slot: 'x', expr: checked(column('i')) },
  ];
  const harness = feed(new Harness(plain<MapPlan>({ type: 'map', set }), slots), { k: '7', i: 1 }, { k: 'seven', i: 2 });
  expect(harness.emitted).toMatchObject([{ i_1: 7, x: 1, i: 1 }]);
  expect(harness.out[1]).toMatchObject({ kind: 'flaw', row: { k: 'seven', i: 2 } });
});

test('an error that is no flaw goes on up', () => {
  const harness = new Harness(
    plain<FilterPlan>({ type: 'filter', where: checked({ op: 'call', fn: 'gt', args: [column('i'), column('i')], type: { kind: 'BOOLEAN' } }) }),
    slots,
  );
  const row = Object.defineProperty({ k: 'a' }, 'i', {
    enumerable: true,
    get: () => {
      throw new RangeError('Maximum call stack size exceeded');
    },
  });
  expect(() => harness.feed({ t: 0, row })).toThrow(RangeError);
});

test('flat_map: one record an element, the list kept; NULL and empty give none', () => {
  const each = checked({ op: 'column', slot: 'list', type: { kind: 'LIST', of: bigint } });
  const harness = feed(
    new Harness(plain<FlatMapPlan>({ type: 'flat_map', each, slot: 'item' }), slots),
    { k: 'a', list: [1, null, 3] },
    { list: [] },
    { list: null },
  );
  expect(harness.emitted.map((row) => [row['k'], row['list'], row['item']])).toEqual([
    ['a', [1, null, 3], 1],
    ['a', [1, null, 3], null],
    ['a', [1, null, 3], 3],
  ]);
});

test.each([
  ['null', ['row', 'row', 'row'], [9, null, null]],
  ['drop', ['row'], [9]],
  ['dead_letter', ['row', 'lookup_missing', 'lookup_missing'], [9]],
] as const)('lookup, missing: %s', (missing, kinds, risks) => {
  const node = plain<LookupPlan>({ type: 'lookup', table: 'merchants', on: key, add: [{ column: 'score', slot: 'risk' }], missing });
  const tables = { merchants: new Map<string, Row>([['a', { score: 9 }]]) };
  const harness = feed(new Harness(node, slots, { tables }), { k: 'a' }, { k: 'b' }, { k: null });
  expect(harness.out.map((e) => (e.kind === 'flaw' ? e.code : e.kind))).toEqual(kinds);
  expect(harness.emitted.map((row) => row['risk'])).toEqual(risks);
});
