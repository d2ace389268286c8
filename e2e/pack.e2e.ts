/** The published package: packed, installed into an empty folder far from any checkout, run with nothing but a Node on PATH. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const dir = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
const home = join(dir, 'home');
const path = join(dir, 'bin');
const command = join(home, 'node_modules/.bin/millrace');

function millrace(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: home, env: { PATH: path, HOME: home }, encoding: 'utf8', timeout: 60_000 });
  return { code: status, out: stdout, err: stderr };
}

beforeAll(() => {
  const tarball = execFileSync(process.execPath, [join(root, 'scripts/pack.ts'), join(dir, 'tarball')], { encoding: 'utf8' }).trim();
  mkdirSync(path);
  mkdirSync(home);
  symlinkSync(process.execPath, join(path, 'node'));
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  const env = { ...process.env, PATH: `${path}:${process.env.PATH}` };
  execFileSync('npm', ['install', tarball, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('it holds built files, its licence and nothing of the house', () => {
  const folder = join(home, 'node_modules/millrace');
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ name: 'millrace', version, license: 'Apache-2.0', bin: { millrace: 'bin/millrace.js' } });
  expect(Object.values(manifest.dependencies as Record<string, string>)).toSatisfy((pins: string[]) => pins.every((pin) => /^\d/.test(pin)));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'bin/millrace.js', 'dist/main.js', 'dist/worker.js']));
  expect(files.filter((file) => file.endsWith('.ts') || file.includes('node_modules'))).toEqual([]);
});

test('--version and --help answer, quietly', () => {
  expect(millrace('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  const help = millrace('--help');
  expect(help).toMatchObject({ code: 0, err: '' });
  expect(help.out).toContain('Usage: millrace');
});

test('a wrong call exits 2 without a stack trace', () => {
  const { code, err } = millrace('rnu');
  expect(code).toBe(2);
  expect(err).toContain('rnu');
  expect(err).not.toMatch(/\n\s+at /);
});

test('init writes a pipeline that lints and runs', () => {
  expect(millrace('init', 'shop')).toMatchObject({ code: 0, err: '' });
  expect(millrace('lint', 'shop/pipeline.yaml')).toMatchObject({ code: 0 });
  expect(millrace('run', 'shop/pipeline.yaml', '--until', 'end')).toMatchObject({ code: 0 });
});

const SOURCE = `version: 1
name: orders
schemas:
  order: { type: record, name: Order, fields: [{ name: id, type: int }, { name: amount, type: double }, { name: at, type: long }] }
preprocess:
  sources:
    - { id: orders, type: file, path: in.jsonl, format: json, schema: order, event_time: { field: at, out_of_order: 1s } }
`;

/** Runs the steps over three orders and gives the rows of the file they end in. */
function run(steps: string, ...options: string[]): unknown[] {
  const folder = mkdtempSync(join(home, 'run-'));
  const outputs = '  outputs:\n    - { id: out, type: file, path: out.jsonl, format: json }\n';
  writeFileSync(join(folder, 'pipeline.yaml'), `${SOURCE}  steps:\n    - ${steps}\n${outputs}`);
  writeFileSync(join(folder, 'in.jsonl'), [5, 15, 25].map((amount, id) => `${JSON.stringify({ id, amount, at: 1000 * id })}\n`).join(''));
  expect(millrace('run', join(folder, 'pipeline.yaml'), '--until', 'end', ...options)).toMatchObject({ code: 0 });
  const rows = readFileSync(join(folder, 'out.jsonl'), 'utf8').trimEnd().split('\n');
  return rows.map((row) => JSON.parse(row));
}

test('the demo is there with all it needs', () => {
  expect(millrace('demo', '--help')).toMatchObject({ code: 0, err: '' });
  const { code, out } = millrace('demo', '--days', '1', '--speed', '86400', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out.trimEnd().split('\n').at(-1) as string)).toMatchObject({ event: 'done', finished: true, models: { trained: 2 } });
  expect(existsSync(join(home, '.millrace/demo'))).toBe(false);
});

test('a filter from file to file', () => {
  expect(run('{ id: large, type: filter, where: "amount > 10" }')).toEqual([
    { id: 1, amount: 15, at: 1000 },
    { id: 2, amount: 25, at: 2000 },
  ]);
});

test('windows behind an exchange, on two threads', () => {
  writeFileSync(join(home, 'two.yaml'), 'parallelism: 2\n');
  const rows = run('{ id: minutes, type: window, key: id, window: { tumbling: 1m }, select: { total: "sum(amount)" } }', '--profile', join(home, 'two.yaml'));
  expect(rows).toHaveLength(3);
  expect(rows).toEqual(expect.arrayContaining([5, 15, 25].map((total, id) => expect.objectContaining({ id, total, window_start: 0, window_end: 60_000 }))));
});
