import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { called, millrace, tempDir } from './millrace.case.ts';
import { TINY } from './tiny.case.ts';

const dir = tempDir();
const write = (name: string, text: string): void => writeFileSync(join(dir.path, name), text);

const bad = TINY.replace('amount > 100', 'amout > 100').replace('from: large', 'fro: large');

test('a file with nothing wrong', async () => {
  write('p.yaml', TINY);
  expect(await called(dir.path, ['lint', 'p.yaml'])).toEqual({ code: 0, stdout: 'p.yaml: nothing wrong\n', stderr: '' });
  expect(await called(dir.path, ['lint', '--json', 'p.yaml'])).toEqual({ code: 0, stdout: '{"findings":[]}\n', stderr: '' });
});

test('every finding at once, on stderr, with the place in the source', async () => {
  write('p.yaml', bad);
  const { code, stdout, stderr } = await millrace(dir.path, 'lint', 'p.yaml');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('p.yaml:9:42 unknown_column ');
  expect(stderr).toContain('   9 |     - { id: large, type: filter, where: "amout > 100" }'.slice(1));
  expect(
    stderr
      .split('\n')
      .find((line) => line.includes('^^^^^'))
      ?.indexOf('^^^^^'),
  ).toBe('  9 | '.length + 41);
  expect(stderr).toContain('p.yaml:11:19 unknown_key ');
  expect(stderr).toMatch(/\d errors in p\.yaml\n$/);
});

test('the same for machines, over several files', async () => {
  write('good.yaml', TINY);
  write('bad.yaml', bad);
  const { code, stdout, stderr } = await called(dir.path, ['lint', '--json', 'good.yaml', 'bad.yaml']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  const { findings } = JSON.parse(stdout) as { findings: Record<string, unknown>[] };
  expect(findings).toContainEqual({
    file: 'bad.yaml',
    line: 9,
    col: 42,
    end: 47,
    code: 'unknown_column',
    severity: 'error',
    message: expect.any(String),
    hint: expect.stringContaining('amount'),
  });
  expect(findings.every((finding) => finding.file === 'bad.yaml')).toBe(true);
});

test('a file that cannot be read is exit code 2, and the others are still checked', async () => {
  write('bad.yaml', bad);
  mkdirSync(join(dir.path, 'folder'));
  const { code, stdout, stderr } = await called(dir.path, ['lint', 'folder', 'none.yaml', 'bad.yaml']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('folder:1:1 unreadable_pipeline This is a directory.');
  expect(stderr).toContain('none.yaml:1:1 unreadable_pipeline There is no such file.');
  expect(stderr).toContain('bad.yaml:9:42 unknown_column');
});

test('YAML that cannot be parsed is a finding', async () => {
  write('p.yaml', 'version: 1\nname: [tiny\n');
  const { code, stdout } = await called(dir.path, ['lint', '--json', 'p.yaml']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).findings[0]).toMatchObject({ file: 'p.yaml', code: 'yaml_syntax', severity: 'error' });
});

test('explain shows the plan, and refuses what lint refuses', async () => {
  write('p.yaml', TINY);
  write('bad.yaml', bad);
  const { code, stdout } = await called(dir.path, ['explain', 'p.yaml']);
  expect(code).toBe(0);
  for (const id of ['orders', 'large', 'kept', 'exactly_once']) expect(stdout).toContain(id);
  const json = await called(dir.path, ['explain', '--json', 'p.yaml']);
  expect(json.code).toBe(0);
  expect(JSON.parse(json.stdout)).toBeTypeOf('object');
  const refused = await called(dir.path, ['explain', '--json', 'bad.yaml']);
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.stdout).findings).not.toHaveLength(0);
  expect(refused.stderr).toContain('bad.yaml:9:42 unknown_column');
});

test('run lints first', async () => {
  write('bad.yaml', bad);
  const { code, stdout, stderr } = await called(dir.path, ['run', 'bad.yaml', '--until', 'end']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('bad.yaml:9:42 unknown_column');
  const json = await called(dir.path, ['run', 'bad.yaml', '--json']);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ event: 'findings', findings: [expect.anything(), expect.anything()] });
});

test('a profile is linted too, and stops a run when it is wrong', async () => {
  write('p.yaml', TINY);
  write('kafka.yaml', 'transport: { type: kafka, brokers: [localhost] }\nregistry: { url: "http://me:hush@localhost", password: hush }\n');
  write('open.yaml', 'http: { listen: 0.0.0.0:8088 }\n');
  const { code, stdout, stderr } = await called(dir.path, ['lint', 'kafka.yaml', 'open.yaml', 'p.yaml']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('kafka.yaml:1:37 bad_address ');
  expect(stderr).toContain('kafka.yaml:2:18 literal_secret ');
  expect(stderr).toContain('open.yaml:1:17 open_address ');
  expect(stderr).not.toContain('hush');
  const run = await called(dir.path, ['run', 'p.yaml', '--profile', './kafka.yaml']);
  expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('kafka.yaml:1:37 bad_address') });
});

test('the profiles that come with millrace have nothing wrong', async () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  expect(await called(root, ['lint', 'profiles/kafka.yaml'])).toEqual({ code: 0, stdout: 'profiles/kafka.yaml: nothing wrong\n', stderr: '' });
});

test('FORCE_COLOR colours what is piped', async () => {
  write('p.yaml', bad);
  const { stderr } = await called(dir.path, ['lint', 'p.yaml'], { env: { FORCE_COLOR: '1' } });
  expect(stderr).toContain('\u001b[31munknown_column\u001b[39m');
});

test('init writes what lints clean, and overwrites nothing', async () => {
  const { code, stdout } = await called(dir.path, ['init', 'my shop']);
  expect(code).toBe(0);
  expect(stdout).toContain("npx millrace run 'my shop/pipeline.yaml' --until end");
  expect((await called(dir.path, ['lint', 'my shop/pipeline.yaml'])).stdout).toBe('my shop/pipeline.yaml: nothing wrong\n');
  writeFileSync(join(dir.path, 'my shop', 'pipeline.yaml'), 'mine');
  const again = await called(dir.path, ['init', 'my shop']);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('already_there');
  expect(readFileSync(join(dir.path, 'my shop', 'pipeline.yaml'), 'utf8')).toBe('mine');
});

test('the quickstart has nothing wrong', async () => {
  const root = fileURLToPath(new URL('../pipelines', import.meta.url));
  expect(await called(root, ['lint', 'quickstart/pipeline.yaml'])).toEqual({ code: 0, stdout: 'quickstart/pipeline.yaml: nothing wrong\n', stderr: '' });
});
