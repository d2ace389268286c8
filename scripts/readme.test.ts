import { cpSync, existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands } from '@millrace/cli/main.ts';
import { called, tempDir } from '@millrace/cli/millrace.case.ts';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('{docs,pipelines,bench}/**/*.md', { cwd: root })];

/** Code blocks of a language, without their fences. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter((match) => match[1] === language).map((match) => match[2] as string);
}

describe('README', () => {
  const dir = tempDir();

  it('shows a pipeline file of twelve lines that does what it seems to', async () => {
    const [yaml] = blocks(readme, 'yaml');
    expect(yaml?.trim().split('\n')).toHaveLength(12);
    writeFileSync(join(dir.path, 'pipeline.yaml'), yaml as string);
    const payments = [
      { card: 'a', amount: 2.5, at: 1_000 },
      { card: 'a', amount: 0, at: 2_000 },
      { card: 'b', amount: 1, at: 61_000 },
      { card: 'a', amount: 4, at: 59_000 },
    ];
    writeFileSync(join(dir.path, 'payments.jsonl'), payments.map((payment) => `${JSON.stringify(payment)}\n`).join(''));
    expect(await called(dir.path, ['lint', 'pipeline.yaml'])).toMatchObject({ code: 0 });
    expect(await called(dir.path, ['run', 'pipeline.yaml', '--until', 'end'])).toMatchObject({ code: 0 });
    const rows = readFileSync(join(dir.path, 'minutes.jsonl'), 'utf8').trim().split('\n');
    expect(rows.map((row) => JSON.parse(row) as unknown)).toEqual([
      { card: 'a', n: 2, total: 6.5, window_start: 0, window_end: 60_000 },
      { card: 'b', n: 1, total: 1, window_start: 60_000, window_end: 120_000 },
    ]);
  });

  it('shows rows that the quickstart writes', async () => {
    for (const part of ['pipelines/quickstart', 'shared-schemas/avro']) cpSync(join(root, part), join(dir.path, part), { recursive: true });
    expect(await called(dir.path, ['run', 'pipelines/quickstart/pipeline.yaml', '--until', 'end'])).toMatchObject({ code: 0 });
    const alerts = readFileSync(join(dir.path, 'pipelines/quickstart/out/alerts.jsonl'), 'utf8').trim().split('\n');
    const rows = alerts.map((line) => JSON.parse(line) as Record<string, string | number>);
    const shown = [...readme.matchAll(/^ {2}(t\d+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+)$/gm)].map((match) => match.slice(1));
    expect(shown).toHaveLength(2);
    const time = (ms: unknown): string => new Date(ms as number).toISOString().slice(11, 23);
    const texts = rows.slice(-5, -3).map((row) => Object.entries(row).map(([name, value]) => (name === 'event_time' ? time(value) : value)));
    expect(shown.map((cells) => cells.map((cell) => (/^[\d.]+$/.test(cell) ? Number(cell) : cell)))).toEqual(texts);
  });

  it('names commands that there are, in an order that works', async () => {
    const lines = blocks(readme, 'sh').flatMap((block) => block.split('\n'));
    const calls = lines
      .filter((line) => line.startsWith('npx millrace '))
      .map((line) =>
        line
          .replace(/ +#.*$/, '')
          .split(' ')
          .slice(2),
      );
    expect(calls.map(([name]) => name)).toEqual(['run', 'init', 'run', 'explain', 'lint']);
    for (const part of ['pipelines/quickstart', 'shared-schemas/avro']) cpSync(join(root, part), join(dir.path, part), { recursive: true });
    for (const call of calls) expect(await called(dir.path, call)).toMatchObject({ code: 0 });
  });
});

it.each(pages)('%s names npm scripts, commands and pages that there are', (page) => {
  const text = readFileSync(join(root, page), 'utf8');
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const [, name] of text.matchAll(/npm run ([a-z][a-z:0-9]*)/g)) expect(Object.keys(scripts)).toContain(name);
  const names = new Set(commands.flatMap(({ name }) => [name, name.split(' ')[0]]));
  for (const [, name] of text.matchAll(/npx millrace ([a-z]+)/g)) expect([...names]).toContain(name);
  for (const [, link] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) expect(existsSync(join(root, dirname(page), link as string)), link).toBe(true);
});
