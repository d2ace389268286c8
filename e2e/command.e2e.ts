import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { workshop } from './support/workshop.ts';

const at = workshop();

const flow = (schema: string, source: string, rest: string): string =>
  `version: 1\nname: io\nschemas:\n  row: ${schema}\npreprocess:\n  sources:\n    - ${source}\n${rest}`;
const ROW = '{ type: record, name: Row, fields: [ { name: id, type: long }, { name: text, type: ["null", string], default: null } ] }';

describe('formats', () => {
  it('CSV by RFC 4180', async () => {
    at.put('in.csv', '\ufeffid,text\r\n1,"a ""quoted"", text"\r\n2,"two\nlines"\r\n\r\n3,\r\n4,""\r\n9007199254740993,é\r\nx,bad\r\n5,last');
    at.put(
      'p.yaml',
      flow(
        ROW,
        '{ id: rows, type: file, path: in.csv, format: csv, schema: row }',
        '  outputs:\n    - { id: j, type: file, path: out.jsonl, format: json }\n    - { id: c, type: file, path: out.csv, format: csv }\n',
      ),
    );
    await at.run();
    expect(at.text('out.jsonl').trimEnd().split('\n')).toEqual([
      '{"id":1,"text":"a \\"quoted\\", text"}',
      '{"id":2,"text":"two\\nlines"}',
      '{"id":3,"text":null}',
      '{"id":4,"text":""}',
      '{"id":9007199254740993,"text":"é"}',
      '{"id":5,"text":"last"}',
    ]);
    expect(at.text('out.csv')).toBe('id,text\n1,"a ""quoted"", text"\n2,"two\nlines"\n3,\n4,""\n9007199254740993,é\n5,last\n');
    expect((await at.cat('io.dead')).map(({ value, headers }) => [value, headers['error.code'], headers['error.offset']])).toEqual([
      ['x,bad', 'schema_mismatch', '8'],
    ]);
  });

  it('an Avro object container, read under another schema', async () => {
    cpSync(fileURLToPath(new URL('../shared-schemas/vectors/container-deflate.avro', import.meta.url)), join(at.path, 'in.avro'));
    const schema = '{ type: record, name: Line, fields: [ { name: n, type: double }, { name: extra, type: string, default: none } ] }';
    at.put(
      'p.yaml',
      flow(
        schema,
        '{ id: rows, type: file, path: in.avro, format: avro, schema: row }',
        '  outputs:\n    - { id: j, type: file, path: out.jsonl, format: json }\n',
      ),
    );
    expect(await at.run()).toMatchObject({ records_in: 100, dead_letters: 0 });
    expect(at.rows('out.jsonl')).toEqual(Array.from({ length: 100 }, (_, n) => ({ n, extra: 'none' })));
    expect(await at.run()).toMatchObject({ records_in: 0 });
    at.put('in.avro', '{}');
    const { code, stderr } = await at.refuse();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^millrace: source_(changed|unreadable) /)]);
  });

  it('JSON lines with a byte order mark, CRLF, blank lines and no last newline', async () => {
    at.put('in.jsonl', '\ufeff{"id":1}\r\n\r\n  \t\n{"id":2,"text":"x","unknown":[1,{"a":null}]}\n{"id":3}');
    at.put(
      'p.yaml',
      flow(
        ROW,
        '{ id: rows, type: file, path: in.jsonl, format: json, schema: row }',
        '  outputs:\n    - { id: j, type: file, path: out.jsonl, format: json }\n',
      ),
    );
    await at.run();
    expect(at.rows('out.jsonl')).toEqual([
      { id: 1, text: null },
      { id: 2, text: 'x' },
      { id: 3, text: null },
    ]);
  });

  it('topics: JSON produced, Avro written in Confluent frames, Avro read again', async () => {
    const out = '{ type: record, name: Out, fields: [ { name: id, type: int }, { name: text, type: string } ] }';
    at.put(
      'p.yaml',
      flow(
        `${ROW}\n  out: ${out}`,
        '{ id: rows, type: topic, topic: in, format: json, schema: row, key: id }',
        '  steps:\n    - { id: all, type: map, set: { text: "coalesce(text, \'none\')" } }\n  outputs:\n    - { id: o, topic: framed, schema: out, key: id }\n',
      ),
    );
    const input = '{"id":1}\n{"id":2,"text":"zwei"}\n{"id":3000000000}\n';
    const produced = await at.call(['topic', 'produce', 'in', '--pipeline', 'p.yaml', '--data-dir', 'data', '--json'], { input });
    expect(JSON.parse(produced.stdout)).toMatchObject({ topic: 'in', records: 3 });
    await at.run();
    const rows = (await at.cat('framed')).map(({ key, value }) => [key, value]).sort();
    expect(rows).toEqual([
      ['1', { id: 1, text: 'none' }],
      ['2', { id: 2, text: 'zwei' }],
    ]);
    expect((await at.cat('io.dead')).map(({ headers }) => [headers['error.code'], headers['error.step'], headers['error.topic']])).toEqual([
      ['value_out_of_range', 'o', 'in'],
    ]);
    at.put(
      'q.yaml',
      flow(
        out,
        '{ id: rows, type: topic, topic: framed, format: avro, schema: row }',
        '  outputs:\n    - { id: j, type: file, path: back.csv, format: csv }\n',
      ).replace('name: io', 'name: back'),
    );
    expect((await at.call(['run', 'q.yaml', '--until', 'end', '--data-dir', 'data'])).code).toBe(0);
    expect(at.text('back.csv').trimEnd().split('\n').sort()).toEqual(['1,none', '2,zwei', 'id,text']);
    const bad = await at.call(['topic', 'produce', 'in', '--data-dir', 'data'], { input: '{"id":7}\nnot json\n' });
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringMatching(/^stdin:2:1 bad_line /)]);
    const list = JSON.parse((await at.call(['topic', 'list', '--json', '--data-dir', 'data'])).stdout) as { topics: { name: string; records: number }[] };
    expect(list.topics.map(({ name, records }) => [name, records])).toEqual(
      expect.arrayContaining([
        ['in', 4],
        ['framed', 2],
        ['io.dead', 1],
      ]),
    );
  });
});

describe('a profile', () => {
  const secretive = flow(
    ROW,
    '{ id: rows, type: file, path: in.jsonl, format: json, schema: row }',
    '  steps:\n    - { id: hide, type: map, set: { text: "hmac(text)" } }\n  outputs:\n    - { id: j, type: file, path: out.jsonl, format: json }\n',
  );

  it('gives hmac its secret, by name and by path, and never shows it', async () => {
    at.put('p.yaml', secretive);
    at.put('in.jsonl', '{"id":1,"text":"card"}\n{"id":2}\n');
    at.put('profiles/dev.yaml', 'secrets: { hmac: "${SECRET}" }\n');
    const { createHmac } = await import('node:crypto');
    const run = ['run', 'p.yaml', '--until', 'end'];
    for (const [profile, dir] of [
      ['dev', 'a'],
      ['profiles/dev.yaml', 'b'],
    ]) {
      const done = await at.call([...run, '--profile', profile as string, '--data-dir', dir as string], { env: { SECRET: 'hush-hush' } });
      expect([done.code, done.stderr]).toEqual([0, '']);
      expect(at.rows('out.jsonl')).toEqual([
        { id: 1, text: createHmac('sha256', 'hush-hush').update('card').digest('hex') },
        { id: 2, text: null },
      ]);
    }
    const without = await at.call([...run, '--profile', 'dev', '--data-dir', 'c']);
    expect([without.code, without.stderr]).toEqual([1, expect.stringMatching(/dev\.yaml:1:\d+ undefined_variable /)]);
    at.put('profiles/dev.yaml', 'secrets: { hmac: "${SECRET}", other: 1 }\nparalelism: 2\n');
    const wrong = await at.call([...run, '--profile', 'dev', '--data-dir', 'c'], { env: { SECRET: 'hush-hush' } });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/dev\.yaml:1:\d+ unknown_key .*dev\.yaml:2:1 unknown_key .*parallelism/s);
    expect(wrong.stderr).not.toContain('hush-hush');
    expect((await at.call([...run, '--profile', 'nowhere', '--data-dir', 'c'])).code).toBe(2);
  });
});

describe('a broken file', () => {
  it.each([
    ['nothing', '', '1:1 missing_key'],
    ['a list', '- a\n', '1:1 wrong_type'],
    ['a tab', 'version: 1\n\tname: x\n', '2:1 yaml_syntax'],
    ['a key twice', 'version: 1\nversion: 1\n', '2:1 duplicate_key'],
    ['an open quote', 'version: 1\nname: "x\n', '3:1 yaml_syntax'],
    ['two documents', 'version: 1\n---\nversion: 1\n', '2:1 unsupported_yaml'],
    ['brackets without end', `version: 1\nname: x\npreprocess: ${'['.repeat(20_000)}`, 'yaml_syntax'],
    ['a number beyond all', 'version: 1e400\n', '1:10 bad_number'],
    ['an unknown variable', 'version: 1\nname: ${NOT_THERE}\n', '2:7 undefined_variable'],
  ])('%s is findings, never a crash', async (_, text, wanted) => {
    at.put('p.yaml', text);
    const { code, stdout, stderr } = await at.call(['lint', '--json', 'p.yaml']);
    const { findings } = JSON.parse(stdout) as { findings: { line: number; col: number; code: string }[] };
    expect(findings.map((one) => `${one.line}:${one.col} ${one.code}`).join('\n')).toContain(wanted);
    expect([code, stderr]).toEqual([1, '']);
  });

  it('has all findings at once, at the token inside quoted and block scalars', async () => {
    at.put(
      'p.yaml',
      flow(ROW, '{ id: rows, type: file, path: in.jsonl, format: json, schema: rwo }', '  outputs: []\n')
        .replace('rwo', 'row')
        .replace(
          '  outputs: []\n',
          `  steps:
    - { id: a, type: filter, where: "id > 1 AND txet = 'x'" }
    - id: b
      type: map
      set:
        y: >-
          id +
          1 + missing
    - { id: c, type: filtre }
  outputs:
    - { id: o, topic: t, fromm: a }
`,
        ),
    );
    const { code, stdout } = await at.call(['lint', '--json', 'p.yaml']);
    const { findings } = JSON.parse(stdout) as { findings: Record<string, unknown>[] };
    expect(code).toBe(1);
    expect(findings.map(({ file, line, col, code: what }) => [file, line, col, what])).toEqual([
      ['p.yaml', 9, 49, 'unknown_column'],
      ['p.yaml', 15, 15, 'unknown_column'],
      ['p.yaml', 16, 22, 'bad_enum'],
      ['p.yaml', 18, 26, 'unknown_key'],
    ]);
    expect(findings[0]).toMatchObject({ severity: 'error', end: 53, hint: expect.stringContaining('text') });
    const run = await at.call(['run', 'p.yaml', '--until', 'end']);
    expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('p.yaml:9:49 unknown_column')]);
  });

  it('or none is exit 2, a missing input exit 1', async () => {
    expect((await at.call(['run', 'nowhere.yaml'])).code).toBe(2);
    expect((await at.call(['lint', 'nowhere.yaml'])).code).toBe(2);
    at.put('p.yaml', flow(ROW, '{ id: rows, type: file, path: in.jsonl, format: json, schema: row }', '  outputs:\n    - { id: o, topic: t }\n'));
    const { code, stderr } = await at.refuse();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^millrace: source_missing /)]);
  });
});
