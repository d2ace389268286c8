import { planOf } from '../checked.ts';
import type { CommandSpec } from '../command.ts';
import { resolveProfile } from '../profiles.ts';

export const explainCommand: CommandSpec = {
  name: 'explain',
  summary: 'show what a pipeline file will do: stages, exchanges, state, guarantee',
  args: [{ name: '<file>', doc: 'a pipeline file' }],
  options: [{ flags: '--profile <profile>', doc: 'a name under profiles/, or a path: for the latency of its transport' }],
  examples: ['millrace explain pipeline.yaml', 'millrace explain --json pipeline.yaml', 'millrace explain pipeline.yaml --profile kafka'],
  async run(call) {
    const { host, args, json } = call;
    const plan = await planOf(host, args[0]);
    const { transport } = await resolveProfile(host, call.text('profile'), args[0]);
    const { explain, renderExplain } = await import('@millrace/pipeline/explain.ts');
    const explanation = explain(plan, transport);
    await host.stdout.write(json ? `${JSON.stringify(explanation)}\n` : `${renderExplain(explanation).trimEnd()}\n`);
    return 0;
  },
};
