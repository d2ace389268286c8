import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { breaches } from './matrix.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = ['shared-schemas', 'pipeline', 'runtime', 'transport', 'preprocessor', 'analyzer', 'cli'];
let dir: string;

const plant = (file: string, text: string): void => {
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), text);
};

/** Rules of the project's biome.json that the planted tree breaks, as `file rule`. */
function biome(): string[] {
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/biome'), ['lint', '--reporter=json', '--max-diagnostics=none'], { cwd: dir, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { category: string; severity: string; location: { path: string | { file: string } } }[] };
  return diagnostics
    .filter((it) => it.severity === 'error')
    .map((it) => `${typeof it.location.path === 'string' ? it.location.path : it.location.path.file} ${it.category.split('/').at(-1)}`);
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'matrix-'));
  for (const file of ['biome.json', '.gitignore']) cpSync(join(root, file), join(dir, file));
  mkdirSync(join(dir, 'node_modules/@millrace'), { recursive: true });
  for (const name of PACKAGES) {
    plant(`${name}/package.json`, JSON.stringify({ name: `@millrace/${name}`, type: 'module' }));
    symlinkSync(join(dir, name), join(dir, 'node_modules/@millrace', name));
  }
  // A clean start: each thing that is allowed, once.
  plant('runtime/clock.ts', 'export const now = () => Date.now() + performance.now();\n');
  plant('runtime/duckdb.ts', "import { DuckDBInstance } from '@duckdb/node-api';\nexport const open = () => DuckDBInstance.create();\n");
  plant(
    'shared-schemas/types.ts',
    'export interface T {\n  at: Date;\n}\nexport const at = (ms: number) => [new Date(ms), Date.UTC(ms, 1), Math.max(ms, 1)];\n',
  );
  plant('pipeline/plan.ts', "import type { T } from '@millrace/shared-schemas/types.ts';\nexport interface Plan {\n  t: T;\n}\n");
  plant('transport/store.ts', "import { open } from 'lmdb';\nexport const store = open;\n");
  plant('cli/main.ts', "import { store } from '@millrace/transport/store.ts';\nconsole.log(store);\n");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a clean tree passes', () => {
  expect(breaches(dir)).toEqual([]);
  expect(biome()).toEqual([]);
});

test('so does the project', () => {
  expect(breaches(root)).toEqual([]);
});

describe('an edge the matrix does not know is reported', () => {
  test.each([
    ['a value import', "import { store } from '@millrace/transport/store.ts';\nexport const a = store;\n"],
    ['a type-only import', "import type { store } from '@millrace/transport/store.ts';\nexport type A = typeof store;\n"],
    ['an inline type', "import { type store } from '@millrace/transport/store.ts';\nexport type A = typeof store;\n"],
    ['a re-export', "export { store } from '@millrace/transport/store.ts';\n"],
    ['a type re-export', "export type { store } from '@millrace/transport/store.ts';\n"],
    ['a namespace', "export * as transport from '@millrace/transport/store.ts';\n"],
    ['a dynamic import', "export const a = () => import('@millrace/transport/store.ts');\n"],
    ['a side effect', "import '@millrace/transport/store.ts';\n"],
  ])('%s', (_, text) => {
    plant('pipeline/sql/bad.ts', text);
    expect(breaches(dir)).toEqual([expect.stringMatching(/^pipeline\/sql\/bad\.ts:1:\d+ pipeline may not import transport$/)]);
  });

  test.each([
    ['a relative reach', "import { store } from '../../transport/store.ts';\nexport const a = store;\n", 'leaves pipeline/'],
    ['an import inside a type', "export type A = import('../plan.ts').Plan;\n", 'import type'],
    ['a computed import', 'export const a = (name: string) => import(name);\n', 'computed'],
    ['a library of nobody', "import type { A } from 'left-pad';\nexport type B = A;\n", 'library left-pad'],
    ['a library of another package', "import type { RootDatabase } from 'lmdb';\nexport type B = RootDatabase;\n", 'library lmdb'],
    ['a deep path of such a library', "import x from 'lmdb/index.js';\nexport const y = x;\n", 'library lmdb'],
    ['a required one', "const x = require('lmdb');\nexport const y = x;\n", 'library lmdb'],
  ])('%s', (_, text, message) => {
    plant('pipeline/sql/bad.ts', text);
    expect(breaches(dir)).toEqual([expect.stringContaining(message)]);
  });

  test('a second file that reaches into a fenced library', () => {
    plant('transport/second.ts', "import type { RootDatabase } from 'lmdb';\nexport type Second = RootDatabase;\n");
    expect(breaches(dir)).toEqual([expect.stringContaining('lmdb is imported by more than one file')]);
  });

  test('one package back into another', () => {
    plant('shared-schemas/bad.ts', "import type { Plan } from '@millrace/pipeline/plan.ts';\nexport type A = Plan;\n");
    expect(breaches(dir)).toEqual([expect.stringContaining('shared-schemas may not import pipeline')]);
  });
});

describe('a cycle is reported at every file on it', () => {
  test.each([
    ['of values', "import { b } from './b.ts';\nexport const a = () => b;\n", "import { a } from './a.ts';\nexport const b = () => a;\n"],
    [
      'of types',
      "import type { B } from './b.ts';\nexport interface A {\n  b: B;\n}\n",
      "import type { A } from './a.ts';\nexport interface B {\n  a: A;\n}\n",
    ],
    ['of re-exports', "export type { B } from './b.ts';\nexport type A = 1;\n", "import type { A } from './a.ts';\nexport type B = A;\n"],
    ['of dynamic imports', "export const a = () => import('./b.ts');\n", "import { a } from './a.ts';\nexport const b = () => a;\n"],
  ])('%s', (_, a, b) => {
    plant('pipeline/a.ts', a);
    plant('pipeline/b.ts', b);
    expect(biome().sort()).toEqual(['pipeline/a.ts noImportCycles', 'pipeline/b.ts noImportCycles']);
  });

  test('across packages, of types', () => {
    plant('pipeline/a.ts', "import type { B } from '@millrace/preprocessor/b.ts';\nexport type A = B | 1;\n");
    plant('preprocessor/b.ts', "import type { A } from '@millrace/pipeline/a.ts';\nexport type B = A | 2;\n");
    expect(biome().sort()).toEqual(['pipeline/a.ts noImportCycles', 'preprocessor/b.ts noImportCycles']);
    expect(breaches(dir)).toEqual([expect.stringContaining('pipeline may not import preprocessor')]);
  });
});

describe('the rest of the rules', () => {
  test.each([
    ['export *', "export * from './plan.ts';\n", 'noReExportAll'],
    ['a default export', 'export default 1;\n', 'noDefaultExport'],
    ['a stray console call', "console.error('here');\n", 'noConsole'],
  ])('%s', (_, text, rule) => {
    plant('pipeline/bad.ts', text);
    expect(biome()).toEqual([`pipeline/bad.ts ${rule}`]);
  });

  test.each([
    'Date.now()',
    "Date['now']()",
    'new Date()',
    'new Date',
    'Date()',
    '[1].map(Date.now)',
    'globalThis.Date.now()',
    'new globalThis.Date()',
    'Math.random()',
    'Math[`random`]()',
    'Object.assign({}, Math)',
    'performance.now()',
    'process.hrtime.bigint()',
    'crypto.randomUUID()',
  ])('%s', (expression) => {
    plant('pipeline/bad.ts', `export const a = () => ${expression};\n`);
    expect(breaches(dir)).toEqual([expect.stringContaining('time and chance are arguments')]);
  });

  test.each([
    "import { performance as p } from 'node:perf_hooks';\np;\n",
    "import { randomBytes } from 'node:crypto';\nrandomBytes;\n",
    'const { now } = Date;\nnow;\n',
  ])('%s', (text) => {
    plant('pipeline/bad.ts', text);
    expect(breaches(dir)).toEqual([expect.stringContaining('time and chance are arguments')]);
  });

  test('a file of more than 400 lines', () => {
    plant('pipeline/long.ts', '// a line\n'.repeat(400));
    expect(breaches(dir)).toEqual([]);
    plant('pipeline/long.ts', '// a line\n'.repeat(401));
    expect(breaches(dir)).toEqual(['pipeline/long.ts:401:1 401 lines: no file is over 400']);
  });

  test('a test may read the clock but not roll dice', () => {
    plant('pipeline/a.test.ts', 'Date.now();\n');
    expect(breaches(dir)).toEqual([]);
    plant('pipeline/a.test.ts', 'Math.random();\n');
    expect(breaches(dir)).toHaveLength(1);
  });
});
