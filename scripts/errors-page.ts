import type { ErrorEntry } from '@millrace/runtime/error-codes/entry.ts';
import { errorTable } from '@millrace/runtime/errors.ts';

const KINDS: readonly (readonly [ErrorEntry['kind'], title: string, about: string])[] = [
  ['lint', 'In a file', 'Findings of `millrace lint`, each with its line and column. Every command that reads the file lints it first.'],
  [
    'record',
    'Of a record',
    'What a dead letter says of itself, in the header `error.code` (`millrace topic cat <name>.dead --headers`). One bad record never stops a run, unless a step says `on_error: fail`.',
  ],
  ['run', 'Of a run', 'These end a command with exit code 1. What was committed stands: the next run goes on from there.'],
  ['usage', 'Of a call', 'Wrong calls, exit code 2.'],
];

/** The page `docs/errors.md`, made of the table of errors. */
export function errorsPage(): string {
  const sections = KINDS.map(([kind, title, about]) => {
    const rows = Object.entries<ErrorEntry>(errorTable)
      .filter(([, entry]) => entry.kind === kind)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([code, entry]) => `| \`${code}\` | ${cell(entry.meaning)} | ${cell(entry.hint)}${entry.retryable ? ' Trying again can help.' : ''} |`);
    return `## ${title}\n\n${about}\n\n| code | meaning | way out |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Errors\n\nEvery error millrace names. This page is made from \`runtime/error-codes/\`: \`npm run docs\`.\n\n${sections.join('\n')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
