/**
 * Builds the package people install: `node scripts/pack.ts [folder]` leaves `millrace-<version>.tgz` there (default `dist/`) and prints its path.
 * Node runs no TypeScript under node_modules, so the workspaces are bundled into JavaScript; libraries stay ordinary, pinned dependencies.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const stage = join(root, 'dist/package');

/** Name in the package's `dist/` → source. A file that a thread or process starts on its own belongs here. */
const ENTRIES: Readonly<Record<string, string>> = {
  main: 'cli/main.ts',
  worker: 'preprocessor/worker.ts',
  'slots-thread': 'preprocessor/slots/thread.ts',
  'analyze-worker': 'analyzer/analyze-worker.ts',
  'group-worker': 'transport/kafka/group/worker.ts',
};

/** Copied as they are. */
const EXTRAS = ['README.md', 'LICENSE', 'CHANGELOG.md', 'pipelines', 'shared-schemas/avro'];

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Record<string, string>;
  readonly workspaces: readonly string[];
  readonly dependencies?: Record<string, string>;
}

const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

/** What the workspaces depend on, each pinned to one version. */
function libraries(workspaces: readonly string[]): Record<string, string> {
  const all: Record<string, string> = {};
  for (const folder of workspaces) {
    for (const [name, version] of Object.entries(manifest(folder).dependencies ?? {})) {
      if (name.startsWith('@millrace/')) continue;
      if (!/^\d/.test(version)) throw new Error(`${folder} does not pin ${name}: ${version}`);
      if (all[name] !== undefined && all[name] !== version) throw new Error(`${name} has two versions: ${all[name]}, ${version}`);
      all[name] = version;
    }
  }
  return all;
}

/**
 * Every bundle lies flat in `dist/`, so a `new URL('…', import.meta.url)` of the sources would miss: an entry becomes its bundle,
 * any other file is copied to `dist/<its path in the project>` and named so.
 */
const relocate: Plugin = {
  name: 'relocate',
  setup(esbuild) {
    esbuild.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8').replace(/new URL\(\s*'(\.[^']*)',\s*import\.meta\.url,?\s*\)/g, (_, target: string) => {
        const source = relative(root, resolve(dirname(path), target));
        const entry = Object.keys(ENTRIES).find((name) => ENTRIES[name] === source);
        if (entry !== undefined) return `new URL('./${entry}.js', import.meta.url)`;
        if (source.endsWith('.ts')) throw new Error(`${relative(root, path)} starts ${source}, which is no entry of scripts/pack.ts`);
        cpSync(join(root, source), join(stage, 'dist', source), { recursive: true });
        return `new URL('./${source}', import.meta.url)`;
      });
      return { contents: text, loader: 'ts' };
    });
  },
};

async function bundle(external: readonly string[]): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: join(stage, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.22',
    external: [...external],
    plugins: [relocate],
    metafile: true,
    logLevel: 'warning',
  });
  const strays = Object.keys(metafile.inputs).filter((file) => file.includes('node_modules/'));
  if (strays.length > 0) throw new Error(`bundled a library that no workspace depends on: ${strays.join(', ')}`);
}

/** Files of the project under a path: those that git knows; where there is no repository, as in an image's build, all that are there. */
function filesOf(path: string): string[] {
  if (existsSync(join(root, '.git'))) return execFileSync('git', ['ls-files', '--', path], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
  const found = globSync([path, `${path}/**/*`], { cwd: root });
  return found.filter((file) => statSync(join(root, file)).isFile());
}

async function pack(target: string): Promise<string> {
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, 'dist'), { recursive: true });
  const { version, license, engines, workspaces } = manifest('.');
  const dependencies = libraries(workspaces);
  await bundle(Object.keys(dependencies));
  cpSync(join(root, 'cli/bin/millrace.js'), join(stage, 'bin/millrace.js'));
  for (const extra of EXTRAS) {
    if (!existsSync(join(root, extra))) continue;
    for (const file of filesOf(extra)) if (!file.endsWith('.ts')) cpSync(join(root, file), join(stage, file));
  }
  const description = 'Streams described in one YAML file: record by record, in event time, exactly once';
  const product = { name: 'millrace', version, description, license, type: 'module', engines, bin: { millrace: 'bin/millrace.js' }, dependencies };
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(product, null, 2)}\n`);
  mkdirSync(target, { recursive: true });
  for (const old of globSync('millrace-*.tgz', { cwd: target })) rmSync(join(target, old));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', target], {
    cwd: stage,
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
  const [file] = globSync('millrace-*.tgz', { cwd: target });
  if (file === undefined) throw new Error('npm pack left no file');
  return join(target, basename(file));
}

console.log(await pack(resolve(process.argv[2] ?? join(root, 'dist'))));
