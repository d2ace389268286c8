import { planOf } from '../checked.ts';
import type { CommandSpec } from '../command.ts';

export const explainCommand: CommandSpec = {
  name: 'explain',
  summary: 'show what a pipeline file will do: stages, exchanges, state, guarantee',
  args: [{ name: '<file>', doc: 'a pipeline file' }],
  options: [],
  examples: ['millrace explain pipeline.yaml', 'millrace explain --json pipeline.yaml'],
  async run({ host, args, json }) {
    const plan = await planOf(host, args[0]);
    const { explain, renderExplain } = await import('@millrace/pipeline/explain.ts');
    const explanation = explain(plan);
    await host.stdout.write(json ? `${JSON.stringify(explanation)}\n` : `${renderExplain(explanation).trimEnd()}\n`);
    return 0;
  },
};
