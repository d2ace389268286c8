import type { Random } from '@millrace/runtime/random.ts';
import type { Column, SqlKind, SqlType } from '@millrace/shared-schemas/types.ts';
import { decimal, typeSql } from '../sql-type.ts';

/** The table of the differential test: columns of every type, rows of edge values mixed with random ones. */

const two = (kinds: readonly SqlKind[]): readonly (readonly [string, SqlType])[] =>
  kinds.flatMap((kind) => [1, 2].map((n): readonly [string, SqlType] => [`${kind.toLowerCase()}_${n}`, { kind }]));

const structType: SqlType = {
  kind: 'STRUCT',
  fields: [
    { name: 'n', type: { kind: 'INTEGER' } },
    { name: 'Sub Field', type: { kind: 'STRUCT', fields: [{ name: 'text', type: { kind: 'VARCHAR' } }] } },
  ],
};

export const decimals: readonly SqlType[] = [decimal(4, 1), decimal(9, 3), decimal(18, 2), decimal(18, 18), decimal(38, 10), decimal(38, 0)];

const named: readonly (readonly [string, SqlType])[] = [
  ...two(['BOOLEAN', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'FLOAT', 'DOUBLE', 'VARCHAR', 'DATE', 'TIMESTAMP']),
  ...decimals.map((type, i): readonly [string, SqlType] => [`decimal_${i}`, type]),
  ['numeric text', { kind: 'VARCHAR' }],
  ['time text', { kind: 'VARCHAR' }],
  ['list_1', { kind: 'LIST', of: { kind: 'INTEGER' } }],
  ['list_2', { kind: 'LIST', of: { kind: 'VARCHAR' } }],
  ['Struct', structType],
];

export const columns: readonly Column[] = named.map(([name, type], i) => ({ name, type, nullable: true, slot: `c${i}` }));

const wide = 10n ** 38n - 1n;
const edges: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ['true', 'false'],
  TINYINT: ['-128', '-127', '-1', '0', '1', '2', '7', '100', '127'],
  SMALLINT: ['-32768', '-32767', '-1', '0', '1', '3', '128', '32767'],
  INTEGER: ['-2147483648', '-2147483647', '-7', '-1', '0', '1', '2', '5', '40000', '2147483647'],
  BIGINT: [
    '-9223372036854775808',
    '-9223372036854775807',
    '-9007199254740993',
    '-9007199254740992',
    '-9007199254740991',
    '-1',
    '0',
    '1',
    '9',
    '3037000500',
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
  ],
  HUGEINT: [
    '-170141183460469231731687303715884105728',
    '-99999999999999999999',
    '-9007199254740993',
    '-1',
    '0',
    '1',
    '12',
    '9223372036854775808',
    '13043817825332782212',
    String(wide),
    '170141183460469231731687303715884105727',
  ],
  FLOAT: ['nan', 'inf', '-inf', '-0.0', '0', '0.1', '-1.5', '2.5', '16777217', '3.4028235e38', '1e-45', '123456.79', '1e10'],
  DOUBLE: [
    'nan',
    'inf',
    '-inf',
    '-0.0',
    '0',
    '0.1',
    '-0.5',
    '1.5',
    '2.5',
    '3.5',
    '-2.5',
    '9007199254740993',
    '1e15',
    '1e16',
    '123456789.123',
    '1.7976931348623157e308',
    '5e-324',
    '1e-5',
    '2147483646',
    '2147483648',
    '9223372036854775807',
    '-2147483648',
  ],
  VARCHAR: ['', 'a', 'A', 'abc', 'ABC', 'a%b_c', 'straße', 'ÀÉÎ', '😀', '😀a😀', '\uE000', 'ｆ', 'e\u0301', ' pad ', "it's", 'tab\tx', 'zzzz', 'İi'],
  DATE: [
    '1970-01-01',
    '1969-12-31',
    '2000-02-29',
    '1900-02-28',
    '2024-02-29',
    '2023-12-31',
    '0001-01-01',
    '9999-12-31',
    '0044-03-15 (BC)',
    'infinity',
    '-infinity',
  ],
  TIMESTAMP: [
    '1970-01-01 00:00:00',
    '1969-12-31 23:59:59.999999',
    '2000-02-29 12:34:56.789',
    '2024-12-31 23:59:59',
    '2023-03-26 01:02:03.000004',
    '0001-01-01 00:00:00',
    '9999-12-31 23:59:59.999999',
    '0044-03-15 (BC) 01:00:00',
    '290000-01-01 00:00:00',
    'infinity',
    '-infinity',
  ],
  'numeric text': [
    '0',
    '1',
    '-1',
    '12',
    ' 12 ',
    '1.5',
    '2.5',
    '-0.5',
    '1e3',
    '1.25e1',
    '15e-1',
    '+7',
    '.5',
    '5.',
    '1_000',
    '0x1F',
    '0b101',
    '9223372036854775807',
    '9223372036854775808',
    '-170141183460469231731687303715884105728',
    '0.1',
    '1e400',
    'nan',
    '-inf',
    'Infinity',
    'true',
    'F',
    'yes',
    '',
    'abc',
    '1 2',
    '--1',
    '1e',
    '12345678901234567890.123456789',
    '1000e-3',
    '00012',
    '2147483647.5',
    '127.5',
  ],
  'time text': [
    '2020-01-02',
    '2020-1-2',
    ' 2020-01-02 ',
    '2020/01/02',
    '2020-02-30',
    '2020-01-02 03:04:05',
    '2020-01-02T03:04:05.678Z',
    '2020-01-02 03:04:05+02',
    '2020-01-02 03:04:05-02:30',
    '2020-01-02 03:04',
    '2020-01-02 24:00:00',
    '2020-01-02 25:00:00',
    '2020-01-02 03:04:05 UTC',
    '2020-01-02 03:04:05.1234567',
    '44-03-15 (BC)',
    'infinity',
    '-inf',
    'epoch',
    '',
    'today',
    '20200102',
    '2020-01-02x',
    '9999-12-31 23:59:59.999999',
    '-0001-01-01',
    '2020-01-02 03:04:05 Europe/Rome',
    '2020-01-02 3:4:5',
  ],
  list_1: ['[]', '[1]', '[1, NULL, 3]', '[2147483647, -5, 0, 7]'],
  list_2: ['[]', "['a']", "['x', NULL, '😀']"],
  Struct: ["{'n': 1, 'Sub Field': {'text': 'in'}}", "{'n': NULL, 'Sub Field': NULL}", "{'n': -7, 'Sub Field': {'text': NULL}}"],
};

/** A random value of a type as SQL text. */
function random(type: SqlType, chance: Random): string | null {
  switch (type.kind) {
    case 'TINYINT':
      return String(chance.below(256) - 128);
    case 'SMALLINT':
      return String(chance.below(65_536) - 32_768);
    case 'INTEGER':
      return String(chance.below(2 ** (1 + chance.below(31))) * (chance.below(2) * 2 - 1));
    case 'BIGINT':
      return String(BigInt(chance.below(2 ** 31)) * BigInt(chance.below(2 ** 31)) * (chance.below(2) === 0 ? -1n : 1n));
    case 'HUGEINT':
      return String(BigInt(chance.below(2 ** 40)) * BigInt(chance.below(2 ** 40)) * BigInt(chance.below(2 ** 40)));
    case 'FLOAT':
      return String(Math.fround(chance.normal() * 10 ** (chance.below(12) - 4)));
    case 'DOUBLE':
      return String(chance.normal() * 10 ** (chance.below(24) - 8));
    case 'DECIMAL': {
      const digits = 1 + chance.below(type.width);
      let unscaled = 0n;
      for (let i = 0; i < digits; i++) unscaled = unscaled * 10n + BigInt(chance.below(10));
      const text = String(unscaled).padStart(type.scale + 1, '0');
      const value = type.scale === 0 ? text : `${text.slice(0, -type.scale)}.${text.slice(-type.scale)}`;
      return chance.below(2) === 0 ? value : `-${value}`;
    }
    case 'DATE':
      return `${1900 + chance.below(200)}-0${1 + chance.below(9)}-${10 + chance.below(18)}`;
    case 'TIMESTAMP':
      return `${1900 + chance.below(200)}-0${1 + chance.below(9)}-${10 + chance.below(18)} ${10 + chance.below(13)}:${10 + chance.below(49)}:${10 + chance.below(49)}.${100_000 + chance.below(899_999)}`;
    default:
      return null;
  }
}

function edgeOf(column: Column, chance: Random): string {
  const { type } = column;
  if (type.kind === 'DECIMAL') {
    const all = '9'.repeat(type.width);
    const most = type.scale === 0 ? all : `${all.slice(0, -type.scale) || '0'}.${all.slice(-type.scale)}`;
    const least = type.scale === 0 ? '1' : `0.${'1'.padStart(type.scale, '0')}`;
    const half = type.scale === 0 ? '5' : '0.5';
    const some = ['0', most, `-${most}`, least, `-${least}`, half, `-${half}`];
    return some[chance.below(some.length)];
  }
  const list = edges[column.name] ?? edges[type.kind];
  return list[chance.below(list.length)];
}

/** One row as SQL, a tuple of casts. */
export function rowSql(chance: Random): string {
  const cells = columns.map((column) => {
    const type = typeSql(column.type);
    if (chance.below(10) === 0) return `CAST(NULL AS ${type})`;
    const value = (chance.below(3) === 0 ? random(column.type, chance) : null) ?? edgeOf(column, chance);
    if (column.type.kind === 'LIST' || column.type.kind === 'STRUCT') return `CAST(${value} AS ${type})`;
    return `CAST('${value.replaceAll("'", "''")}' AS ${type})`;
  });
  return `(${cells.join(', ')})`;
}
