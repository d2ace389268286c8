import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lowerCase, upperCase } from './casing.ts';
import { type Column, type Comparison, expectSame, type Oracle, openOracle, overloadNamed } from './duckdb.case.ts';
import { edges } from './edges.case.ts';
import { graphemeLengths } from './graphemes.ts';
import { textFunctions } from './text.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await openOracle();
});
afterAll(() => oracle.close());

const text = edges.VARCHAR;
const counts: Column = {
  type: 'BIGINT',
  values: [
    '-9223372036854775808',
    '-4294967297',
    '-4294967296',
    '-30',
    '-7',
    '-3',
    '-2',
    '-1',
    '0',
    '1',
    '2',
    '3',
    '5',
    '7',
    '30',
    '4294967295',
    '4294967296',
    '9007199254740993',
  ],
};
const few: Column = { type: 'BIGINT', values: ['-4294967297', '-30', '-7', '-5', '-2', '-1', '0', '1', '2', '3', '9', '4294967296'] };
const parts: Column = { type: 'VARCHAR', values: ['', 'a', 'l', 'lo', ',', ' ', 'é', '\u0301', '😀', 'aa', 'ab', 'x', '𝒳', 'He ', '\u3000 '] };

function call(name: string, fn: string, columns: readonly Column[]): Comparison {
  return { sql: `${name}(${columns.map((_, i) => `$${i + 1}`).join(', ')})`, overload: overloadNamed(textFunctions, fn), columns };
}

describe('as DuckDB', () => {
  test.each(['length', 'lower', 'upper', 'trim', 'ltrim', 'rtrim', 'reverse'])('%s', async (name) => {
    await expectSame(oracle, [call(name, name, [text])]);
  });

  test.each(['trim', 'ltrim', 'rtrim'])('%s of given characters', async (name) => {
    await expectSame(oracle, [call(name, `${name}.chars`, [text, parts])]);
  });

  test('length of a list', async () => {
    await expectSame(oracle, [call('length', 'length.list', [{ type: 'INTEGER[]', values: ['[]', '[1]', '[1, NULL, 3]'] }])]);
  });

  test.each(['left', 'right'])('%s', async (name) => {
    await expectSame(oracle, [call(name, name, [text, counts])], { raises: name === 'left' ? 20 : 0 });
  });

  test('substr', async () => {
    await expectSame(oracle, [call('substr', 'substr', [text, counts]), call('substring', 'substr.length', [text, few, few])], { raises: 100 });
  });

  test.each(['lpad', 'rpad'])('%s', async (name) => {
    const lengths: Column = { type: 'INTEGER', values: ['-2147483648', '-1', '0', '1', '2', '3', '7', '25'] };
    await expectSame(oracle, [call(name, name, [text, lengths, parts])], { raises: 20 });
  });

  test('concat', async () => {
    await expectSame(oracle, [call('concat', 'concat', [text]), call('concat', 'concat', [text, parts, parts])]);
  });

  test('replace', async () => {
    await expectSame(oracle, [call('replace', 'replace', [text, parts, { type: 'VARCHAR', values: ['', '$&', 'é😀'] }])]);
  });

  test.each(['starts_with', 'ends_with', 'contains', 'strpos'])('%s', async (name) => {
    await expectSame(oracle, [call(name, name, [text, parts]), call(name, name, [text, text])]);
  });

  test('split_part', async () => {
    await expectSame(oracle, [call('split_part', 'split_part', [text, parts, { ...counts, values: counts.values.filter((count) => count.length < 4) }])]);
  });
});

test('padding that no machine could hold is an error, not an exhausted heap', () => {
  const lpad = overloadNamed(textFunctions, 'lpad').make([], { kind: 'VARCHAR' });
  expect(() => lpad('a', 2_147_483_647, ' ')).toThrow(/too long/);
});

describe('over all of Unicode', () => {
  const codePoints = (last: number) => Array.from({ length: last }, (_, i) => i + 1).filter((code) => code < 0xd800 || code > 0xdfff);
  const all = codePoints(0x10ffff);
  const chars = 'FROM range(1, 1114112) AS t(c) WHERE c NOT BETWEEN 55296 AND 57343';

  test('lower and upper of every code point', async () => {
    const { rows } = await oracle.duckdb.query(
      `SELECT c, lower(chr(c::INTEGER)), upper(chr(c::INTEGER)) ${chars} AND (lower(chr(c::INTEGER)) <> chr(c::INTEGER) OR upper(chr(c::INTEGER)) <> chr(c::INTEGER)) ORDER BY c`,
    );
    const ours = all
      .map((code) => [code, lowerCase(String.fromCodePoint(code)), upperCase(String.fromCodePoint(code))])
      .filter(([code, lower, upper]) => lower !== String.fromCodePoint(code as number) || upper !== String.fromCodePoint(code as number));
    expect(rows.length).toBeGreaterThan(2500);
    expect(ours).toEqual(rows);
  });

  test('trim takes off the same characters', async () => {
    const { rows } = await oracle.duckdb.query(`SELECT c ${chars} AND trim(chr(c::INTEGER)) = '' ORDER BY c`);
    const trim = overloadNamed(textFunctions, 'trim').make([], { kind: 'VARCHAR' });
    expect(all.filter((code) => trim(String.fromCodePoint(code)) === '')).toEqual(rows.map(([code]) => code));
    expect(rows.length).toBe(17);
  });

  // Each neighbour tells some classes apart: what follows it, what it follows, and what joins through a chain
  test.each([
    ['between letters', 'é$b', 0x10ffff],
    // two planes, ideographs left out, hold all classes but the tags, which the first covers
    ['behind a Hangul leading, vowel and trailing one', 'ᄀ$', 0x1ffff],
    ['behind a vowel', 'ᅡ$', 0x1ffff],
    ['behind a trailing one', 'ᆨ$', 0x1ffff],
    ['before a vowel', '$ᅡ', 0x1ffff],
    ['before a trailing one', '$ᆨ', 0x1ffff],
    ['before a combining mark', '$\u0301', 0x1ffff],
    ['before a regional indicator', '$🇩', 0x1ffff],
    ['a pictograph, it, a joiner, a pictograph', '😀$\u200d😀', 0x1ffff],
    ['before a joiner and a pictograph', '$\u200d😀', 0x1ffff],
    ['a consonant, a virama, it', 'क\u094d$', 0x1ffff],
    ['it, a virama, a consonant', '$\u094dक', 0x1ffff],
    ['a consonant, it, a consonant', 'क$क', 0x1ffff],
    ['é, it, a line feed', 'é$\n', 0x1ffff],
  ])('grapheme clusters: %s', async (_, pattern, last) => {
    const sql = `replace('${pattern}', '$', chr(c::INTEGER))`;
    // one text of all answers: a row each would take seconds
    const { rows } = await oracle.duckdb.query(
      `SELECT string_agg(reverse(${sql}), '' ORDER BY c) ${chars} AND c <= ${last} AND (${last} > 131072 OR c NOT BETWEEN 13312 AND 40959) GROUP BY c // 4096 ORDER BY c // 4096`,
    );
    const wrong: string[] = [];
    const groups = new Map<number, string>();
    for (const code of codePoints(last)) {
      if (last <= 0x20000 && code >= 0x3400 && code <= 0x9fff) continue;
      const made = pattern.replace('$', () => String.fromCodePoint(code));
      let at = 0;
      let back = '';
      for (const length of graphemeLengths(made)) {
        back = made.slice(at, at + length) + back;
        at += length;
      }
      groups.set(code >> 12, (groups.get(code >> 12) ?? '') + back);
    }
    for (const [i, [group, mine]] of [...groups].entries()) if (mine !== rows[i][0]) wrong.push(`code points from ${(group << 12).toString(16)}`);
    expect(wrong).toEqual([]);
  });
});

test('reverse of drawn sequences', async () => {
  const chars = [
    'a',
    'é',
    '\u0301',
    '\u200d',
    '😀',
    '👍',
    '🏽',
    '🇩',
    '🇫',
    'क',
    'ष',
    '\u094d',
    'ि',
    '\u0600',
    'ᄀ',
    'ᅡ',
    'ᆨ',
    '가',
    '각',
    '\r',
    '\n',
    '\u200b',
    '\u093c',
    '\u0903',
  ];
  let seed = 7;
  const draw = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * n);
  };
  const values = Array.from({ length: 3000 }, () => Array.from({ length: 1 + draw(9) }, () => chars[draw(chars.length)]).join(''));
  await expectSame(oracle, [call('reverse', 'reverse', [{ type: 'VARCHAR', values }])]);
});
