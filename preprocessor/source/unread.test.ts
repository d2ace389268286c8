import type { Plan, StagePlan } from '@millrace/pipeline/plan.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import { expect, test } from 'vitest';
import { slotsPassed, slotsRead, told } from './unread.ts';

const column = (slot: string): Column => ({ name: slot, slot, type: { kind: 'BIGINT' }, nullable: true });
const reads = (slot: string) => ({ sql: '', type: column(slot).type, nullable: true, tree: { op: 'column', slot, type: column(slot).type } });
const source = { kind: 'source', id: 'in', source: 0, shape: 0, columns: ['a', 'b', 'c', 'd', 'at'].map(column) };

function stage(node: object): StagePlan {
  const plain = { id: 's', order: 0, from: ['in'], shape: 0, columns: ['a', 'b', 'c', 'd', 'at'].map(column), onError: 'dead_letter', late: 'drop' };
  return {
    inputs: [source],
    nodes: [{ ...plain, ...node }],
    outputs: [{ kind: 'topic', id: 'o', from: 's', columns: [column('b')] }],
  } as unknown as StagePlan;
}
const plan = { sources: [{ eventTime: { slot: 'at' } }] } as unknown as Plan;
const read = (node: object): string[] => ['a', 'b', 'c', 'd', 'at'].filter((slot) => slotsRead(plan, stage(node)).has(slot));

test('what expressions, keys, outputs and the event time name is read; what is only visible is not', () => {
  expect(read({ type: 'filter', where: reads('a') })).toEqual(['a', 'b', 'at']);
  expect(read({ type: 'dedupe', key: [column('c')], within: 1 })).toEqual(['b', 'c', 'at']);
  expect(read({ type: 'rolling', key: [column('c')], calls: [{ slot: 'n', args: [reads('d').tree], filter: null }], add: [], emit: 'immediately' })).toEqual([
    'b',
    'c',
    'd',
    'at',
  ]);
});

test('rows that wait for the watermark are kept whole', () => {
  expect(read({ type: 'rolling', key: [column('c')], calls: [], add: [], emit: 'on_watermark' })).toEqual(['a', 'b', 'c', 'd', 'at']);
});

test('strings that an output writes to Avro, and nothing else looks at, are passed on', () => {
  const text = (slot: string): Column => ({ ...column(slot), type: { kind: 'VARCHAR' } });
  const schema = { type: 'record', name: 'R', fields: [...['a', 'b', 'c'].map((name) => ({ name, type: ['null', 'string'] })), { name: 'd', type: 'long' }] };
  const columns = [...['a', 'b', 'c'].map(text), column('d')];
  const output = { kind: 'topic', format: 'avro', id: 'o', from: 's', schema, key: null, columns };
  const passed = (node: object, ...outputs: object[]): string[] => [
    ...slotsPassed(plan, { ...stage(node), outputs: outputs.map((each) => ({ ...output, ...each })) } as unknown as StagePlan),
  ];
  const filter = { type: 'filter', where: reads('a') };
  expect(passed(filter, {})).toEqual(['b', 'c']);
  expect(passed(filter, { key: [text('b')] })).toEqual(['c']);
  expect(passed(filter, {}, { format: 'json', columns: [text('c')] })).toEqual(['b']);
  expect(passed(filter, {}, { kind: 'file', format: 'csv', columns: [text('b')] })).toEqual(['c']);
  expect(passed(filter, { kind: 'exchange', key: [text('c')] })).toEqual(['b']);
  expect(passed({ type: 'union', inputs: [{ from: 'in', copy: [['b', 'b_1']] }] }, {})).toEqual(['a', 'c']);
  expect(passed({ type: 'rolling', key: [text('c')], calls: [], add: [], emit: 'on_watermark' }, {})).toEqual([]);
  const behind = { ...stage(filter), inputs: [{ ...source, kind: 'exchange' }], outputs: [output] } as unknown as StagePlan;
  expect([...slotsPassed(plan, behind)]).toEqual([]);
});

test('a dead letter’s record is made whole from its source once that is at hand, or has NULLs', () => {
  const slots = new Set(['a']);
  const decode = () => (row: Record<string, unknown>) => void Object.assign(row, { a: 9, b: 2 });
  const columns = [column('b'), column('a'), column('c')];
  const record = { key: null, value: Buffer.from('x'), timestamp: 0 };
  const row = { a: 1, b: null, c: null };
  const text = told(row, columns, slots, ['a', 'b'], decode);
  // the row is another record's by now
  row.a = 5;
  expect(text(record)).toBe('{"b":2,"a":1,"c":null}');
  expect(text(null)).toBe('{"b":null,"a":1,"c":null}');
  const unreadable = () => (broken: Record<string, unknown>) => {
    broken['b'] = 3;
    return { code: 'undecodable', message: '' };
  };
  expect(told(row, columns, slots, ['a', 'b'], unreadable)(record)).toBe('{"b":null,"a":5,"c":null}');
  const whole = told(row, [column('a')], slots, ['a', 'b'], decode);
  row.a = 6;
  expect(whole(record)).toBe('{"a":5}');
});
