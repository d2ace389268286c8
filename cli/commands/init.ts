import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { CommandSpec } from '../command.ts';
import { quoted } from '../files.ts';
import { styleFor } from '../output/color.ts';
import { invocation } from '../self.ts';

export const initCommand: CommandSpec = {
  name: 'init',
  summary: 'write a small pipeline and its sample input, ready to run',
  doc: 'Writes pipeline.yaml, orders.jsonl, products.csv and README.md into the directory (default: here), and overwrites nothing.',
  args: [{ name: '[dir]', doc: 'where to write; made when missing' }],
  options: [],
  examples: ['millrace init shop', 'millrace run shop/pipeline.yaml --until end'],
  async run({ host, args, json }) {
    const { starterFiles } = await import('../starter.ts');
    const dir = args[0] ?? '.';
    const root = resolve(host.cwd, dir);
    if (existsSync(root) && !statSync(root).isDirectory()) throw new MillraceError('already_there', `${dir} is a file.`);
    const files = starterFiles();
    const there = Object.keys(files).filter((name) => existsSync(join(root, name)));
    if (there.length > 0)
      throw new MillraceError(
        'already_there',
        `${there.map((name) => join(dir, name)).join(', ')} ${there.length === 1 ? 'is' : 'are'} there already; nothing was written.`,
      );
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text, { flag: 'wx' });
    }
    const next = `${invocation} run ${quoted(join(dir, 'pipeline.yaml'))} --until end`;
    const style = styleFor(host.stdout, host.env);
    if (json) await host.stdout.write(`${JSON.stringify({ dir: root, files: Object.keys(files), next })}\n`);
    else
      await host.stdout.write(
        `${Object.keys(files)
          .map((name) => `  ${style.green('+')} ${join(dir, name)}`)
          .join('\n')}\n\nRun it:\n  $ ${next}\n`,
      );
    return 0;
  },
};
