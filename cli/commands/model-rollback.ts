import { MillraceError } from '@millrace/runtime/errors.ts';
import type { CommandSpec } from '../command.ts';
import { promotions, ROLLED_BACK } from '../models/promotions.ts';
import { modelOptions, Registry, SHOWN } from '../models/registry.ts';

export const modelRollbackCommand: CommandSpec = {
  name: 'model rollback',
  summary: 'put the model in force again that was before this one',
  doc: 'Once more, and it is the one before that. A pipeline that runs takes it at once, one that does not when it starts.',
  args: [{ name: '<file>', doc: 'the pipeline file' }],
  options: modelOptions,
  examples: ['millrace model rollback pipeline.yaml', 'millrace model rollback pipeline.yaml --model fraud'],
  run: (call) =>
    Registry.use(call, async (registry) => {
      const { host } = call;
      const name = registry.name();
      const stack = promotions(await registry.decisions(name));
      const [before, now] = [stack.at(-2), stack.at(-1)];
      if (before === undefined)
        throw new MillraceError('model_unknown', `There is no model to go back to: ${name} has had ${now === undefined ? 'none' : 'one'} in force.`, {
          hint: 'See millrace model list.',
        });
      await registry.find(before);
      await registry.promote(name, before, ROLLED_BACK, host.clock.now());
      await host.stdout.write(
        call.json
          ? `${JSON.stringify({ model: name, promoted: before, before: now ?? null })}\n`
          : `${name}: ${before.slice(0, SHOWN)} is in force again, in place of ${now?.slice(0, SHOWN)}\n`,
      );
      return 0;
    }),
};
