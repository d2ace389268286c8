import type { Finding } from '@millrace/pipeline/finding.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { PlacedError } from '@millrace/runtime/placed-error.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasColor, plainStyle } from './color.ts';
import { failureDocument, failureOf, renderFailure } from './failure.ts';
import { renderFindings, summarizeFindings } from './findings.ts';
import { bytes, count, duration, rate, time } from './numbers.ts';
import { progressDocument, progressLine, RateMeter } from './progress.ts';
import { renderRows } from './samples.ts';
import { renderSummary, summaryDocument } from './summary.ts';
import { oneLine, renderTable } from './table.ts';
import { cut, widthOf } from './width.ts';

const running: RunProgress = {
  elapsedMs: 3200,
  recordsIn: 1_234_567,
  out: { a: 10, b: 5 },
  deadLetters: 12,
  deadLettersByCode: { late: 11, undecodable: 1 },
  dropped: 3,
  watermark: 1_522_756_801_000,
  lag: { orders: 50, payments: 0 },
  fraction: 0.43,
  state: 'running',
  silentMs: 0,
  commits: { count: 40, snapshots: 1, ms: 80 },
  tables: { taken: 0, refused: 0 },
};

describe('colour', () => {
  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { NO_COLOR: '1', FORCE_COLOR: '3' }, true],
    [true, { TERM: 'dumb' }, false],
  ])('terminal %s, %j: %s', (terminal, env, expected) => expect(hasColor(terminal, env)).toBe(expected));
});

describe('numbers', () => {
  test('counts have separators', () => expect([0, 999, 1000, 1234567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']));
  test('rates are rounded as they are read', () => expect([12.4, 999.6, 41_234].map(rate)).toEqual(['12/s', '1,000/s', '41,200/s']));
  test('durations', () => expect([12.3, 999, 4_240, 185_000, 7_440_000].map(duration)).toEqual(['12 ms', '999 ms', '4.2 s', '3 min 5 s', '2 h 4 min']));
  test('sizes', () => expect([812, 1_468_006].map(bytes)).toEqual(['812 B', '1.4 MiB']));
  test('times are UTC, their milliseconds only when there are some', () => {
    expect([0, 1_522_756_801_250].map(time)).toEqual(['1970-01-01 00:00:00', '2018-04-03 12:00:01.250']);
    expect(time(Number.POSITIVE_INFINITY)).toBe('end');
  });
});

describe('tables', () => {
  test('align by display width, end without blanks', () => {
    const columns = [{ title: 'topic' }, { title: 'n', align: 'right' as const }, { title: 'to' }];
    expect(
      renderTable(
        columns,
        [
          ['日本', '7', 'a'],
          ['b', '1,000', ''],
        ],
        plainStyle,
        '  ',
      ),
    ).toEqual(['  topic      n  to', '  日本       7  a', '  b      1,000']);
  });

  test('long cells are cut', () => expect(renderTable([{ title: 't', max: 4 }], [['abcdef']], plainStyle)).toEqual(['t', 'abc…']));

  test('data cannot move the cursor', () => expect(oneLine('a\u001b[2Jb\nc\u009b')).toBe('a␛[2Jb␊c·'));

  test('a cut text is never wider than asked', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, width) => widthOf(cut(oneLine(text), width)) <= width));
  });
});

describe('findings', () => {
  const finding: Finding = {
    file: 'p.yaml',
    line: 2,
    col: 11,
    end: 16,
    code: 'unknown_column',
    severity: 'error',
    message: 'There is no column amout.',
    hint: 'Did you mean amount?',
  };
  const source = 'steps:\n\twhere: "amout > 0"\n';

  test('show the line with a caret below each character of the token', () => {
    expect(renderFindings([finding], () => source, plainStyle)).toBe(
      ['p.yaml:2:11 unknown_column There is no column amout.', '  2 |  where: "amout > 0"', '    |           ^^^^^', '  hint: Did you mean amount?', ''].join(
        '\n',
      ),
    );
  });

  test('carets stand under wide characters and far into long lines', () => {
    expect(renderFindings([{ ...finding, line: 1 }], () => 'url: "http://me:hush@host"', plainStyle)).not.toContain('hush');
    const secret = renderFindings([{ ...finding, line: 1 }], () => 'secrets: { hmac: "hush, } hush", other: "${X}" }  # password: ${PW}', plainStyle);
    expect(secret).not.toContain('hush');
    expect(secret).toContain('password: ${PW}');
    const wide = renderFindings([{ ...finding, line: 1, col: 3, end: 5 }], () => '日本 xy', plainStyle).split('\n');
    expect(wide[2].indexOf('^') - wide[2].indexOf('|')).toBe(6);
    const long = `${'x'.repeat(5000)}WRONG${'y'.repeat(5000)}`;
    const [, shown, caret] = renderFindings([{ ...finding, line: 1, col: 5001, end: 5006 }], () => long, plainStyle).split('\n');
    expect(shown.length).toBeLessThan(160);
    expect(shown.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1)).toBe('WRONG');
  });

  test('need no source, and survive one that is shorter', () => {
    for (const text of [null, ''])
      expect(renderFindings([finding], () => text, plainStyle)).toBe('p.yaml:2:11 unknown_column There is no column amout.\n  hint: Did you mean amount?\n');
  });

  test('are counted', () => {
    expect(summarizeFindings([finding, finding, { ...finding, severity: 'warning' }], ['p.yaml'])).toBe('2 errors, 1 warning in p.yaml');
    expect(summarizeFindings([], ['a', 'b'])).toBe('2 files: nothing wrong');
  });
});

describe('failures', () => {
  test('usage ends with 2, all else with 1', () => {
    expect(failureOf(new MillraceError('wrong_usage', 'x')).exit).toBe(2);
    expect(failureOf(new PlacedError('file_unreadable', { file: 'f', line: 1, col: 1 }, 'x')).exit).toBe(2);
    expect(failureOf(new MillraceError('unknown_topic', 'x')).exit).toBe(1);
    expect(failureOf(new TypeError('x is not a function'))).toMatchObject({ code: 'defect', exit: 1 });
    expect(failureOf('a string')).toMatchObject({ code: 'defect', message: 'a string', exit: 1 });
    expect(failureOf(Object.assign(new Error('no space'), { code: 'EACCES', syscall: 'open' }))).toMatchObject({ code: 'EACCES', exit: 1 });
    expect(failureOf(Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' }))).toMatchObject({ code: 'storage_full', exit: 1 });
  });

  test('no stack unless asked for', () => {
    const failure = failureOf(new TypeError('x is not a function'));
    expect(renderFailure(failure, plainStyle, false)).toMatch(/^millrace: defect x is not a function\n {2}hint: .*--debug.*\n$/);
    expect(renderFailure(failure, plainStyle, true)).toContain('\n    at ');
    expect(failureDocument(failure, false)).toEqual({ error: { code: 'defect', message: 'x is not a function', hint: expect.any(String) } });
    expect(failureDocument(failure, true)).toHaveProperty('error.stack');
  });
});

describe('progress', () => {
  test('all on one line', () => {
    expect(progressLine(running, 412_345, 200, plainStyle)).toBe(
      ' 3.2 s  1,234,567 in  412,300/s  15 out  12 dead  3 dropped  ████████░░░░░░░░░░░░ 43%  watermark 2018-04-03 12:00:01',
    );
  });

  test('without an end, what is behind', () =>
    expect(progressLine({ ...running, fraction: null, watermark: null }, 0, 200, plainStyle)).toMatch(/ behind orders 50$/));

  test('never as wide as the terminal, whatever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 200 }), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (columns, recordsIn, fraction) => {
        const line = progressLine({ ...running, recordsIn, fraction, state: 'recovering' }, recordsIn, columns, plainStyle);
        return widthOf(line) < columns;
      }),
    );
  });

  test('the rate is that of the last seconds', () => {
    const meter = new RateMeter(3000);
    expect(meter.add(1000, 1000)).toBe(1000);
    for (let s = 2; s <= 10; s++) meter.add(s * 1000, 1000 + (s - 1) * 5000);
    expect(meter.add(11_000, 51_000)).toBe(5000);
  });

  test('a document has plain numbers, and null for what there is not', () => {
    expect(progressDocument('progress', { ...running, watermark: Number.NEGATIVE_INFINITY, fraction: null })).toEqual({
      event: 'progress',
      state: 'running',
      elapsed_ms: 3200,
      records_in: 1_234_567,
      records_out: { a: 10, b: 5 },
      dead_letters: 12,
      dead_letters_by_code: { late: 11, undecodable: 1 },
      dropped: 3,
      watermark: null,
      lag: { orders: 50, payments: 0 },
      fraction: null,
    });
  });
});

describe('the summary of a run', () => {
  const summary = {
    pipeline: 'shop',
    finished: true,
    progress: { ...running, state: 'done' as const },
    analyze: null,
    outputs: [
      { id: 'a', kind: 'topic' as const, target: 'shop.sales', records: 10 },
      { id: 'b', kind: 'file' as const, target: 'out/my sales.jsonl', records: 5 },
    ],
    deadLetterTopic: 'shop.dead',
    dataDir: 'my data',
    invocation: 'millrace',
    keepsTopics: true,
    samples: new Map([
      [
        'b',
        { rows: 2, lines: renderRows(['{"card":"a","n":2,"window_start":0}', '{"card":"bb","n":10,"window_start":60000}'], 80, new Set(['window_start'])) },
      ],
    ]),
  };

  test('says what happened, shows rows, and names the commands to look further', () => {
    expect(renderSummary(summary, plainStyle)).toBe(
      `shop finished after 3.2 s: 1,234,567 records in, 385,800/s, watermark 2018-04-03 12:00:01

  output  records  to
  a            10  topic shop.sales
  b             5  file out/my sales.jsonl

  3 records dropped, as the file says (late: drop, on_error: drop)

  dead letters  records
  late               11
  undecodable         1

  b, last 2 rows of out/my sales.jsonl
  card   n  window_start
  a      2  1970-01-01 00:00:00
  bb    10  1970-01-01 00:01:00

  look at it    millrace topic cat shop.sales --limit 5 --until end --data-dir 'my data'
  dead letters  millrace topic cat shop.dead --headers --limit 5 --until end --data-dir 'my data'
  data          my data
`,
    );
  });

  test('names no command that could not work', () => expect(renderSummary({ ...summary, keepsTopics: false }, plainStyle)).not.toContain('topic cat'));

  test('is one document for machines', () => {
    expect(summaryDocument(summary)).toMatchObject({
      event: 'done',
      pipeline: 'shop',
      finished: true,
      records_per_second: 385_802,
      outputs: [
        { id: 'a', type: 'topic', topic: 'shop.sales', records: 10 },
        { id: 'b', type: 'file', path: 'out/my sales.jsonl', records: 5 },
      ],
      dead_letter_topic: 'shop.dead',
      data_dir: 'my data',
    });
  });

  test('rows that are no objects are shown as they are, longs in full', () => {
    expect(renderRows(['1', 'two'], 80, new Set(['window_start']))).toEqual(['1', 'two']);
    expect(renderRows(['{"n":9007199254740993}'], 80, new Set(['window_start']))).toEqual(['n', '9007199254740993']);
    expect(renderRows(['{"n":9.25}', '{"n":10}', '{"n":1e300}'], 80, new Set())).toEqual(['     n', '  9.25', ' 10.00', '1e+300']);
    const rows = ['{"window_start":0,"name":"a"}', '{"window_start":60000,"name":"b"}'];
    expect(renderRows(rows, 40, new Set(['window_start']))).toEqual(['window_start         name', '1970-01-01 00:00:00  a', '1970-01-01 00:01:00  b']);
    expect(renderRows(rows, 20, new Set(['window_start']))).toEqual(['window_start  name', '00:00:00      a', '00:01:00      b']);
  });
});
