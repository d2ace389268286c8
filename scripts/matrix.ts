/**
 * Who may import whom (`docs/decisions/0001-layout.md`), and who may read the clock. Biome sees cycles, `export *` and the
 * console; this sees what no linter tried here does: every edge between packages, type-only ones too, and fenced libraries.
 */
import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clockReads, type ImportSite, imports, type Site } from './source.ts';

const PACKAGES = ['shared-schemas', 'pipeline', 'runtime', 'transport', 'preprocessor', 'analyzer', 'cli'];

/** From → may import. A package may always import itself, relatively. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'shared-schemas': ['runtime'],
  pipeline: ['shared-schemas', 'runtime'],
  runtime: [],
  transport: ['shared-schemas', 'runtime'],
  preprocessor: ['shared-schemas', 'pipeline', 'runtime', 'transport'],
  analyzer: ['shared-schemas', 'pipeline', 'runtime', 'transport'],
  cli: PACKAGES,
  e2e: ['runtime', 'transport'],
  bench: ['transport', 'shared-schemas', 'runtime', 'pipeline', 'analyzer'],
  scripts: PACKAGES,
};

/** Library → the package in which one file, and only one, may import it. A library not listed may be imported by nobody. Tests are free. */
const FENCED: Readonly<Record<string, string>> = {
  avsc: 'shared-schemas',
  yaml: 'pipeline',
  '@duckdb/node-api': 'runtime',
  kafkajs: 'transport',
  lmdb: 'transport',
  '@node-rs/crc32': 'transport',
  '@platformatic/kafka': 'transport',
  hyparquet: 'transport',
  'hyparquet-compressors': 'transport',
  'hyparquet-writer': 'analyzer',
  'csv-parse': 'shared-schemas',
  '@tensorflow/tfjs-core': 'analyzer',
  '@tensorflow/tfjs-backend-wasm': 'analyzer',
  '@tensorflow/tfjs-backend-cpu': 'analyzer',
  '@tensorflow/tfjs-node': 'analyzer',
  bullmq: 'analyzer',
  ioredis: 'analyzer',
  commander: 'cli',
  'prom-client': 'cli',
};

const MAX_LINES = 400;

/** Files that no product file is made of: they may use any library and read the clock. */
const isTest = (file: string): boolean => /\.(test|case|e2e)\.ts$/.test(file) || /^(e2e|bench|scripts)\//.test(file);

const packageOf = (file: string): string => file.slice(0, file.indexOf('/'));

/** `@scope/name/deep.ts` → `@scope/name`; `name/deep` → `name`. */
const libraryOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier);

function edgeFault(file: string, { specifier, inType }: ImportSite, fences: Map<string, Set<string>>): string | undefined {
  if (inType) return "write `import type` instead of import('…') in a type: no cycle check sees the latter";
  if (specifier === undefined) return 'an import of a computed name cannot be checked';
  const from = packageOf(file);
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier);
    return packageOf(target) === from ? undefined : `${specifier} leaves ${from}/: import another package by name`;
  }
  if (specifier.startsWith('@millrace/')) {
    const to = specifier.split('/')[1] ?? '';
    return MAY_IMPORT[from]?.includes(to) ? undefined : `${from} may not import ${to}`;
  }
  if (isBuiltin(specifier) || isTest(file)) return undefined;
  const library = libraryOf(specifier);
  if (FENCED[library] !== from) return `${from} may not import the library ${library}`;
  const importers = fences.get(library) ?? new Set();
  fences.set(library, importers.add(file));
  return importers.size > 1 ? `${library} is imported by more than one file: ${[...importers].join(', ')}` : undefined;
}

/** Every breach of the rules above in the TypeScript files under `root`, as `file:line:col message`. */
export function breaches(root: string): string[] {
  const files = globSync(`{${Object.keys(MAY_IMPORT).join(',')}}/**/*.ts`, { cwd: root, exclude: (name) => /(^|\/)(node_modules|dist)$/.test(name) });
  const fences = new Map<string, Set<string>>();
  const found: string[] = [];
  for (const name of files.sort()) {
    const file = name.replaceAll('\\', '/');
    const text = readFileSync(posix.join(root, file), 'utf8');
    const say = (site: Site, message: string): void => {
      const before = text.slice(0, site.start).split('\n');
      found.push(`${file}:${before.length}:${(before.at(-1) ?? '').length + 1} ${message}`);
    };
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES) found.push(`${file}:${MAX_LINES + 1}:1 ${lines} lines: no file is over ${MAX_LINES}`);
    for (const site of imports(file, text)) {
      const fault = edgeFault(file, site, fences);
      if (fault !== undefined) say(site, fault);
    }
    if (file === 'runtime/clock.ts') continue;
    for (const site of clockReads(file, text)) {
      if (!isTest(file) || site.what === 'Math.random') say(site, `${site.what}: time and chance are arguments (runtime/clock.ts, runtime/random.ts)`);
    }
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = breaches(fileURLToPath(new URL('..', import.meta.url)));
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
}
