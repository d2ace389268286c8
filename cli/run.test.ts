import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { called, millrace, start, tempDir } from './millrace.case.ts';
import { TINY } from './tiny.case.ts';

const dir = tempDir();
const PIPELINE = `${TINY}    - { id: kept_topic, from: large, topic: tiny.kept, schema: order }
`;
const INPUT = '{"id":1,"amount":50}\n{"id":9007199254740993,"amount":150.5}\n\n{"id":"x","amount":1}\n{"id":3,"amount":200}\n';

function setUp(): void {
  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE);
  writeFileSync(join(dir.path, 'in.jsonl'), INPUT);
}
const output = (): string => readFileSync(join(dir.path, 'out.jsonl'), 'utf8');
const run = (...args: string[]) => called(dir.path, ['run', 'p.yaml', ...args]);
const documents = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('run --until end', () => {
  test('makes a pipeline a filter from files to files, and says what it did', async () => {
    setUp();
    const { code, stdout } = await run('--until', 'end', '--show', '1');
    expect(code).toBe(0);
    expect(output()).toBe('{"id":9007199254740993,"amount":150.5}\n{"id":3,"amount":200}\n');
    expect(stdout).toMatch(/^tiny finished after .*: 4 records in/);
    expect(stdout).toMatch(/^ {2}kept +2 {2}file out\.jsonl$/m);
    expect(stdout).toMatch(/^ {2}kept_topic +2 {2}topic tiny\.kept$/m);
    expect(stdout).toMatch(/^ {2}schema_mismatch +1$/m);
    expect(stdout).toMatch(/^ {2}kept, last row of out\.jsonl\n.*\n +3 +200$/m);
    expect(existsSync(join(dir.path, '.millrace', 'tiny'))).toBe(true);
  });

  test('what it leaves can be read with the commands it names', async () => {
    setUp();
    const { stdout } = await run('--until', 'end');
    const command = /^ {2}dead letters +npx millrace (topic cat .*)$/m.exec(stdout)?.[1] ?? '';
    const dead = await called(dir.path, [...command.split(' '), '--json']);
    expect(dead.code).toBe(0);
    expect(documents(dead.stdout)).toMatchObject([
      { value: '{"id":"x","amount":1}', headers: { 'error.code': 'schema_mismatch', 'error.topic': 'orders', 'error.partition': '0', 'error.offset': '3' } },
    ]);
    const kept = await called(dir.path, ['topic', 'cat', 'tiny.kept', '--json', '--until', 'end']);
    expect(kept.stdout).toContain('"value":{"id":9007199254740993,"amount":150.5}');
    const list = await called(dir.path, ['topic', 'list', '--pipeline', 'p.yaml']);
    expect(list.stdout).toMatch(/^tiny\.dead +bytes +4 +1$/m);
    expect(list.stdout).toMatch(/^tiny\.kept +avro +4 +2$/m);
  });

  test('a second run writes nothing, and a third takes what came in between', async () => {
    setUp();
    await run('--until', 'end', '--data-dir', 'data');
    const before = output();
    const second = await run('--until', 'end', '--data-dir', 'data', '--json');
    expect(second.code).toBe(0);
    expect(documents(second.stdout).at(-1)).toMatchObject({ event: 'done', finished: true, records_in: 0, dead_letters: 0, data_dir: 'data' });
    expect(output()).toBe(before);
    appendFileSync(join(dir.path, 'in.jsonl'), '{"id":4,"amount":400}');
    const third = await run('--until', 'end', '--data-dir', 'data', '--json');
    expect(documents(third.stdout).at(-1)).toMatchObject({
      event: 'done',
      records_in: 1,
      outputs: [
        { id: 'kept', type: 'file', path: 'out.jsonl', records: 1 },
        { id: 'kept_topic', topic: 'tiny.kept', records: 1 },
      ],
    });
    expect(output()).toBe(`${before}{"id":4,"amount":400}\n`);
  });

  test('a missing input file is exit code 1, and no stack', async () => {
    writeFileSync(join(dir.path, 'p.yaml'), PIPELINE);
    const { code, stdout, stderr } = await run('--until', 'end');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('in.jsonl');
    expect(stderr).toContain('hint:');
    expect(stderr).not.toMatch(/defect|^ {4}at /m);
  });

  test('a profile that is not there is exit code 2', async () => {
    setUp();
    const { code, stderr } = await run('--profile', 'production');
    expect(code).toBe(2);
    expect(stderr).toContain('profiles/production.yaml:1:1 unreadable_pipeline There is no profile production.');
  });

  test('what init writes finds something', async () => {
    await millrace(dir.path, 'init');
    const { code, stdout } = await millrace(dir.path, 'run', 'pipeline.yaml', '--until', 'end', '--json');
    expect(code).toBe(0);
    const done = documents(stdout).at(-1) as { records_in: number; records_out: Record<string, number>; dead_letters_by_code: object };
    expect(done.records_in).toBe(401);
    expect(done.records_out.sales_out).toBeGreaterThan(50);
    expect(done.records_out.unusual_out).toBeGreaterThan(0);
    expect(done.dead_letters_by_code).toEqual({ lookup_missing: 1, undecodable: 1 });
  });
});

describe('a run without an end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops it in order: exit code 0, nothing lost', async (signal) => {
    setUp();
    const running = start(dir.path, ['run', 'p.yaml', '--json']);
    await expect.poll(() => existsSync(join(dir.path, 'out.jsonl')) && output().split('\n').length, { timeout: 15_000, interval: 50 }).toBe(3);
    const stopped = Date.now();
    running.child.kill(signal);
    const { code, stdout, stderr } = await running.done;
    expect(code).toBe(0);
    expect(Date.now() - stopped).toBeLessThan(10_000);
    expect(stderr).toContain('info stopping');
    expect(documents(stdout).at(-1)).toMatchObject({ event: 'done', finished: false, records_out: { kept: 2, kept_topic: 2 } });
    expect((await run('--until', 'end', '--json')).code).toBe(0);
    expect(output().split('\n')).toHaveLength(3);
  });
});

test.each([
  ['amount', `CASE WHEN i = 3 THEN CAST('x' || i AS DOUBLE) ELSE 1 END`, "fails at i = 3: Could not convert string 'x3' to DOUBLE"],
  ['id', '9223372036854775806 + i', 'fails at i = 2: '],
])('an expression of a generator that fails, for %s, is named by code, file, line and column', async (field, sql, reason) => {
  const fields = { id: 'i', amount: 'u1', [field]: sql };
  const line = `{ id: orders, type: generator, schema: order, generate: { fields: { id: "${fields.id}", amount: "${fields.amount}" }, count: 10 } }`;
  const yaml = PIPELINE.replace('{ id: orders, type: file, path: in.jsonl, format: json, schema: order }', line);
  writeFileSync(join(dir.path, 'p.yaml'), yaml);
  const at = (yaml.split('\n')[6] as string).indexOf(sql) + 1;
  const { code, stderr } = await run('--until', 'end');
  expect([code, stderr]).toEqual([1, expect.stringContaining(`p.yaml:7:${at} generator_failed The expression for ${field} of orders ${reason}`)]);
});
