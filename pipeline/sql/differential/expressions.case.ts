import type { Random } from '@millrace/runtime/random.ts';
import type { SqlKind, SqlType } from '@millrace/shared-schemas/types.ts';
import type { Overload, Param } from '../functions/function.ts';
import { scalarFunctions } from '../functions/table.ts';
import { typeSql } from '../sql-type.ts';
import { columns, decimals } from './rows.case.ts';

/** A generated expression: what a user writes, and the same for DuckDB with AND and OR made to go left to right. */
export interface Drawn {
  readonly sql: string;
  readonly reference: string;
}

type Kind = SqlKind | 'DECIMAL' | 'LIST';

export const comparedKinds: readonly Kind[] = [
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'FLOAT',
  'DOUBLE',
  'DECIMAL',
  'VARCHAR',
  'DATE',
  'TIMESTAMP',
];
const numberKinds: readonly Kind[] = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'FLOAT', 'DOUBLE', 'DECIMAL'];

/** Whether there is a cast between two kinds at all. */
export function castable(from: Kind, to: Kind): boolean {
  const times: readonly Kind[] = ['DATE', 'TIMESTAMP'];
  return from === 'VARCHAR' || to === 'VARCHAR' || times.includes(from) === times.includes(to);
}

const literals: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  BOOLEAN: ['true', 'false'],
  TINYINT: ['CAST(3 AS TINYINT)'],
  SMALLINT: ['CAST(-300 AS SMALLINT)'],
  INTEGER: ['0', '1', '-1', '2', '10', '127', '128', '40000', '2147483647', '1_000'],
  BIGINT: ['2147483648', '-2147483648', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
  HUGEINT: ['9223372036854775808', '-170141183460469231731687303715884105728', '170141183460469231731687303715884105727'],
  FLOAT: ["CAST('0.1' AS FLOAT)"],
  DOUBLE: ['0e0', '1e0', '2.5e0', '1e300', "CAST('nan' AS DOUBLE)", '0.12345678901234567890123456789012345678901'],
  DECIMAL: ['0.1', '1.5', '2.50', '-0.05', '12345678901234567.89', '0.00000000001', '99999999.5', '1.0'],
  VARCHAR: ["''", "'a'", "'Ab'", "'😀'", "'%'", "'it''s'", "'ß'"],
  DATE: ["DATE '2020-02-29'", "DATE '1969-12-31'"],
  TIMESTAMP: ["TIMESTAMP '2020-02-29 12:00:00'", "TIMESTAMP '1969-12-31 23:59:59.5'"],
};

const texts = ["'%'", "'a%'", "'%b_'", "'_'", "'😀%'", "'%ß%'", "''", "'A\\%'"];
const intervals = ['INTERVAL 1 DAY', "INTERVAL '3' MONTH", "INTERVAL '-1 year 2 hours'", 'INTERVAL 90 SECOND', "INTERVAL '1.5 days'"];
/** Constants that a function's argument has to be one of, by function and index. */
const constants: Readonly<Record<string, Readonly<Record<number, readonly string[]>>>> = {
  date_trunc: {
    0: ['millennium', 'century', 'decade', 'year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond', 'microsecond'].map(
      (part) => `'${part}'`,
    ),
  },
  date_part: {
    0: [
      'year',
      'quarter',
      'month',
      'day',
      'hour',
      'minute',
      'second',
      'millisecond',
      'microsecond',
      'dow',
      'isodow',
      'doy',
      'week',
      'epoch',
      'isoyear',
      'century',
      'decade',
    ].map((part) => `'${part}'`),
  },
  date_diff: { 0: ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond', 'microsecond'].map((part) => `'${part}'`) },
  strftime: { 0: ["'%Y-%m-%d'", "'%y/%j %H:%M:%S.%f'"], 1: ["'%Y-%m-%d'", "'%y/%j %H:%M:%S.%f'"] },
  like_escape: { 2: ["'\\'", "'!'"] },
  not_like_escape: { 2: ["'\\'", "'!'"] },
  ilike_escape: { 2: ["'\\'", "'!'"] },
  not_ilike_escape: { 2: ["'\\'", "'!'"] },
};
const aliases: Readonly<Record<string, string>> = { datetrunc: 'date_trunc', datepart: 'date_part', datediff: 'date_diff' };
const likeSigns: ReadonlySet<string> = new Set(['~~', '!~~', '~~*', '!~~*']);

/** Small numbers for arguments that count, so that no text of gigabytes is asked for. */
const counts = ['0', '1', '2', '3', '-1', '-2', '7', 'tinyint_1'];
const counting: Readonly<Record<string, readonly number[]>> = {
  lpad: [1],
  rpad: [1],
  left: [1],
  right: [1],
  substr: [1, 2],
  substring: [1, 2],
  split_part: [2],
  round: [1],
  trunc: [1],
  make_timestamp: [0, 1, 2, 3, 4, 5],
};

export class Draw {
  readonly #chance: Random;

  constructor(chance: Random) {
    this.#chance = chance;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#chance.below(list.length)];
  }

  #same(sql: string): Drawn {
    return { sql, reference: sql };
  }

  #wrap(parts: readonly Drawn[], write: (parts: readonly string[]) => string): Drawn {
    return { sql: write(parts.map((part) => part.sql)), reference: write(parts.map((part) => part.reference)) };
  }

  /** A type of a kind. */
  type(kind: Kind): SqlType {
    if (kind === 'DECIMAL') return this.#pick(decimals);
    return kind === 'LIST' ? { kind, of: { kind: 'INTEGER' } } : { kind };
  }

  leaf(kind: Kind): Drawn {
    const roll = this.#chance.below(20);
    if (roll === 0 && kind !== 'LIST') return this.#same(`CAST(NULL AS ${typeSql(this.type(kind))})`);
    if (roll < 4 && literals[kind] !== undefined) return this.#same(this.#pick(literals[kind] as readonly string[]));
    const fitting = columns.filter((column) => column.type.kind === kind);
    if (roll === 4 && kind === 'INTEGER')
      return this.#same(this.#pick(['"Struct".n', "struct['N']", 'list_1[1]', 'list_1[-1]', 'list_1[integer_1]', 'LIST_1[tinyint_2]']));
    if (roll === 4 && kind === 'VARCHAR') return this.#same(this.#pick(['Struct."Sub Field".text', 'list_2[2]', 'list_2[bigint_1]']));
    return this.#same(`"${this.#pick(fitting).name}"`);
  }

  /** Any expression of a kind, at most `depth` high. */
  of(kind: Kind, depth: number): Drawn {
    if (depth <= 0 || this.#chance.below(4) === 0 || kind === 'LIST') return this.leaf(kind);
    if (kind === 'BOOLEAN') return this.boolean(depth);
    const roll = this.#chance.below(10);
    if (roll < 2) return this.cast(this.#pick(comparedKinds.filter((from) => castable(from, kind))), kind, depth - 1, this.#chance.below(3) === 0);
    if (roll === 2) return this.caseOf(kind, depth);
    if (roll === 3) return this.choice(this.#pick(['coalesce', 'ifnull', 'nullif']), kind, depth);
    if (numberKinds.includes(kind)) return roll < 8 ? this.arithmetic(depth) : this.leaf(kind);
    if (kind === 'VARCHAR') return this.#wrap([this.of('VARCHAR', depth - 1), this.of(this.#pick(comparedKinds), depth - 1)], ([a, b]) => `(${a} || ${b})`);
    if (kind === 'TIMESTAMP' || kind === 'DATE') return this.leaf(kind);
    return this.leaf(kind);
  }

  number(depth: number): Drawn {
    return this.of(this.#pick(numberKinds), depth);
  }

  arithmetic(
    depth: number,
    sign = this.#pick(['+', '-', '*', '/', '//', '%']),
    kinds: readonly [Kind, Kind] = [this.#pick(numberKinds), this.#pick(numberKinds)],
  ): Drawn {
    if (this.#chance.below(10) === 0 && sign === '-') return this.#wrap([this.of(kinds[0], depth - 1)], ([a]) => `(- ${a})`);
    return this.#wrap([this.of(kinds[0], depth - 1), this.of(kinds[1], depth - 1)], ([a, b]) => `(${a} ${sign} ${b})`);
  }

  cast(from: Kind, to: Kind, depth: number, safe: boolean): Drawn {
    const source =
      from === 'VARCHAR' && to !== 'VARCHAR' && to !== 'LIST' && this.#chance.below(5) > 0
        ? this.#same(to === 'DATE' || to === 'TIMESTAMP' ? '"time text"' : '"numeric text"')
        : this.of(from, depth);
    const type = typeSql(this.type(to));
    return this.#wrap([source], ([a]) => (safe ? `TRY_CAST(${a} AS ${type})` : `CAST(${a} AS ${type})`));
  }

  caseOf(kind: Kind, depth: number): Drawn {
    const parts = [
      this.boolean(depth - 1),
      this.of(kind, depth - 1),
      this.boolean(depth - 1),
      this.of(this.#chance.below(3) === 0 && numberKinds.includes(kind) ? this.#pick(numberKinds) : kind, depth - 1),
      this.of(kind, depth - 1),
    ];
    const withElse = this.#chance.below(4) > 0;
    return this.#wrap(parts, ([a, b, c, d, e]) => `CASE WHEN ${a} THEN ${b} WHEN ${c} THEN ${d}${withElse ? ` ELSE ${e}` : ''} END`);
  }

  choice(name: string, kind: Kind, depth: number): Drawn {
    return this.#wrap([this.of(kind, depth - 1), this.of(kind, depth - 1)], ([a, b]) => `${name}(${a}, ${b})`);
  }

  /** Two kinds that can be compared, often unlike. */
  #comparable(): readonly [Kind, Kind] {
    const roll = this.#chance.below(10);
    if (roll < 4) return [this.#pick(numberKinds), this.#pick(numberKinds)];
    if (roll === 4) return ['DATE', 'TIMESTAMP'];
    const kind = this.#pick(comparedKinds);
    return [kind, kind];
  }

  comparison(
    depth: number,
    sign = this.#pick(['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM']),
    kinds = this.#comparable(),
  ): Drawn {
    return this.#wrap([this.of(kinds[0], depth - 1), this.of(kinds[1], depth - 1)], ([a, b]) => `(${a} ${sign} ${b})`);
  }

  between(depth: number, [a, b] = this.#comparable()): Drawn {
    const not = this.#chance.below(3) === 0 ? 'NOT ' : '';
    return this.#wrap([this.of(a, depth - 1), this.of(b, depth - 1), this.of(a, depth - 1)], ([x, y, z]) => `(${x} ${not}BETWEEN ${y} AND ${z})`);
  }

  within(depth: number, [a, b] = this.#comparable()): Drawn {
    const not = this.#chance.below(3) === 0 ? 'NOT ' : '';
    const constant = this.#chance.below(2) === 0;
    const list = [0, 1, 2].map(() =>
      constant ? this.#same(this.#chance.below(8) === 0 ? 'NULL' : this.#pick(literals[b] ?? ['NULL'])) : this.of(b, depth - 1),
    );
    return this.#wrap([this.of(a, depth - 1), ...list], ([x, ...rest]) => `(${x} ${not}IN (${rest.join(', ')}))`);
  }

  conjunction(depth: number, sign: 'AND' | 'OR'): Drawn {
    const [a, b] = [this.boolean(depth - 1), this.boolean(depth - 1)];
    const decided = sign === 'AND' ? 'FALSE' : 'TRUE';
    const isDecided = (text: string) => (sign === 'AND' ? `NOT (${text})` : `(${text})`);
    const goesOn = (text: string) => (sign === 'AND' ? `(${text})` : `NOT (${text})`);
    const [x, y] = [a.reference, b.reference];
    return {
      sql: `(${a.sql} ${sign} ${b.sql})`,
      reference: `CASE WHEN ${isDecided(x)} THEN ${decided} WHEN ${goesOn(x)} THEN (${y}) ELSE CASE WHEN ${isDecided(y)} THEN ${decided} ELSE NULL END END`,
    };
  }

  boolean(depth: number): Drawn {
    if (depth <= 0) return this.leaf('BOOLEAN');
    const roll = this.#chance.below(14);
    if (roll < 4) return this.comparison(depth);
    if (roll < 6) return this.conjunction(depth, this.#pick(['AND', 'OR']));
    if (roll === 6) return this.between(depth);
    if (roll === 7) return this.within(depth);
    if (roll === 8) return this.#wrap([this.boolean(depth - 1)], ([a]) => `(NOT ${a})`);
    if (roll === 9) return this.isNull(depth);
    if (roll === 10) return this.#wrap([this.boolean(depth - 1)], ([a]) => `(${a} IS NOT TRUE)`);
    if (roll === 11) return this.#wrap([this.of('VARCHAR', depth - 1)], ([a]) => `(${a} LIKE 'a%')`);
    return this.leaf('BOOLEAN');
  }

  isNull(depth: number, kind = this.#pick([...comparedKinds, 'LIST' as const])): Drawn {
    const not = this.#chance.below(2) === 0 ? 'NOT ' : '';
    return this.#wrap([this.of(kind, depth - 1)], ([a]) => `(${a} IS ${not}NULL)`);
  }

  #argument(name: string, overload: Overload, at: number, common: Kind, depth: number): Drawn {
    const param: Param = at < overload.params.length ? overload.params[at] : (overload.rest as Param);
    const fixed = constants[aliases[name] ?? name]?.[at];
    if (fixed !== undefined && param === 'VARCHAR') return this.#same(this.#pick(fixed));
    if (param === 'INTERVAL') return this.#same(this.#pick(intervals));
    if (likeSigns.has(name) && at === 1 && this.#chance.below(3) > 0) return this.#same(this.#pick(texts));
    // on a column that is all ASCII DuckDB counts from before the start, and backwards, in another way than on other text
    if (name.startsWith('substr') && at > 0) return this.#same(this.#pick(['0', '1', '2', '3', '7']));
    if (counting[name]?.includes(at)) return this.#same(this.#pick(counts));
    if (param === 'common') return this.of(common, depth);
    if (param === 'any') return this.of(this.#pick(comparedKinds), depth);
    return this.of(param, depth);
  }

  /** A call of one overload. */
  call(name: string, overload: Overload, depth: number): Drawn {
    const count = overload.params.length + (overload.rest === undefined ? 0 : this.#chance.below(3));
    const common = this.#pick(comparedKinds);
    const args = Array.from({ length: count }, (_, at) => this.#argument(name, overload, at, common, depth));
    return this.#wrap(args, (parts) => {
      if (/^[a-z]/.test(name))
        return name === 'position' ? `strpos(${parts.join(', ')})` : name.endsWith('like_escape') ? likeEscape(name, parts) : `${name}(${parts.join(', ')})`;
      return parts.length === 1 ? `(${name} ${parts[0]})` : `(${parts.join(` ${name} `)})`;
    });
  }
}

function likeEscape(name: string, [text, pattern, mark]: readonly string[]): string {
  return `(${text} ${name.startsWith('not_') ? 'NOT ' : ''}${name.includes('ilike') ? 'ILIKE' : 'LIKE'} ${pattern} ESCAPE ${mark})`;
}

export const allOverloads: readonly (readonly [name: string, overload: Overload])[] = [...scalarFunctions.values()].flatMap(({ name, overloads }) =>
  overloads.map((overload) => [name, overload] as const),
);
