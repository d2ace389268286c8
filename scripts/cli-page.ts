import type { CommandSpec } from '@millrace/cli/command.ts';
import { commands } from '@millrace/cli/main.ts';
import { EVERYWHERE } from '@millrace/cli/parser.ts';

/** The page `docs/cli.md`, made of the commands themselves. */
export function cliPage(): string {
  return `# The command

In a checkout it is \`npx millrace …\`, installed \`millrace …\`. This page is made from the commands: \`npm run docs\`.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 the command failed or found errors (\`docs/errors.md\`), 2 wrong call,
130 ended by a second Ctrl-C.

Every command takes ${EVERYWHERE.map(({ flags, doc }) => `\`${flags}\` (${doc})`).join(' and ')}.

${commands.map(section).join('\n')}`;
}

function section(spec: CommandSpec): string {
  const args = spec.args.map(({ name }) => name).join(' ');
  const rows = [
    ...spec.args.map(({ name, doc }) => [name, doc]),
    ...spec.options.map(({ flags, doc, choices }) => [flags, choices ? `${doc} (${choices.length > 1 ? 'one of' : 'only'}: ${choices.join(', ')})` : doc]),
  ];
  const table =
    rows.length === 0 ? '' : `\n| argument | meaning |\n|---|---|\n${rows.map(([flags, doc]) => `| \`${escaped(flags)}\` | ${escaped(doc)} |`).join('\n')}\n`;
  return `## ${spec.name}

\`\`\`sh
millrace ${spec.name}${args === '' ? '' : ` ${args}`}
\`\`\`

${upper(spec.summary)}.${spec.doc === undefined ? '' : ` ${spec.doc}`}
${table}
\`\`\`sh
${spec.examples.join('\n')}
\`\`\`
`;
}

function escaped(text = ''): string {
  return text.replaceAll('|', '\\|');
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
