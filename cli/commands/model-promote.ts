import { MillraceError } from '@millrace/runtime/errors.ts';
import type { CommandSpec } from '../command.ts';
import { BY_HAND } from '../models/promotions.ts';
import { modelOptions, Registry, SHOWN } from '../models/registry.ts';

export const modelPromoteCommand: CommandSpec = {
  name: 'model promote',
  summary: 'put a trained model in force by hand',
  doc: 'A pipeline that runs takes it at once, one that does not when it starts; the next promotion of a training replaces it.',
  args: [
    { name: '<file>', doc: 'the pipeline file' },
    { name: '<hash>', doc: 'the hash, or how it begins' },
  ],
  options: modelOptions,
  examples: ['millrace model promote pipeline.yaml 3fa9c1'],
  run: (call) =>
    Registry.use(call, async (registry) => {
      const { host } = call;
      const { hash, model } = await registry.find(call.args[1]);
      const { features } = await registry.planned(model.name);
      if (features.join('\n') !== model.features.join('\n'))
        throw new MillraceError(
          'model_mismatch',
          `The model ${hash.slice(0, SHOWN)} was trained on ${model.features.join(', ')}, and ${model.name} takes ${features.join(', ')} now.`,
        );
      const before = await registry.inForce(model.name);
      if (before !== hash) await registry.promote(model.name, hash, BY_HAND, host.clock.now());
      const done = before === hash ? `${model.name}: ${hash.slice(0, SHOWN)} is in force already` : `${model.name}: ${hash.slice(0, SHOWN)} is in force now`;
      await host.stdout.write(call.json ? `${JSON.stringify({ model: model.name, promoted: hash, before })}\n` : `${done}\n`);
      return 0;
    }),
};
