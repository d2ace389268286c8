/**
 * Pages made from code: `node scripts/docs.ts` writes them, `--check` fails when a committed page differs from what its generator gives.
 * A new page is a new line in `pages`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonSchema, pipelinePage } from '@millrace/pipeline/reference.ts';
import { expressionsPage } from '@millrace/pipeline/sql/page.ts';
import { cliPage } from './cli-page.ts';
import { errorsPage } from './errors-page.ts';
import { profilesPage } from './profiles-page.ts';

/** A page's path from the project's root, and the text it must have. */
export interface Page {
  readonly path: string;
  readonly generate: () => string | Promise<string>;
}

const pages: readonly Page[] = [
  { path: 'docs/cli.md', generate: cliPage },
  { path: 'docs/errors.md', generate: errorsPage },
  { path: 'docs/expressions.md', generate: expressionsPage },
  { path: 'docs/pipeline-reference.md', generate: pipelinePage },
  { path: 'docs/profiles.md', generate: profilesPage },
  { path: 'docs/pipeline.schema.json', generate: () => `${JSON.stringify(jsonSchema(), null, 2)}\n` },
];

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Writes what differs; with `check` writes nothing. Gives the paths of the pages that differed. */
export async function writeDocs(root: string, wanted: readonly Page[], check: boolean): Promise<string[]> {
  const stale: string[] = [];
  for (const page of wanted) {
    const path = join(root, page.path);
    const text = await page.generate();
    if (current(path) === text) continue;
    stale.push(page.path);
    if (check) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return stale;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  const stale = await writeDocs(fileURLToPath(new URL('..', import.meta.url)), pages, check);
  for (const path of stale) console.error(check ? `${path} is out of date: npm run docs` : `wrote ${path}`);
  if (check && stale.length > 0) process.exitCode = 1;
}
