import { MillraceError } from '@millrace/runtime/errors.ts';
import { modelText } from '@millrace/shared-schemas/model.ts';
import type { CommandSpec } from '../command.ts';
import { modelOptions, Registry } from '../models/registry.ts';

export const modelShowCommand: CommandSpec = {
  name: 'model show',
  summary: 'print a model as JSON, its numbers in full',
  doc: 'Without a hash, the one in force. A score is 1 / (1 + e^−z), where z is the intercept and each coefficient times its feature.',
  args: [
    { name: '<file>', doc: 'the pipeline file' },
    { name: '[hash]', doc: 'the hash, or how it begins' },
  ],
  options: modelOptions,
  examples: ['millrace model show pipeline.yaml', 'millrace model show pipeline.yaml 3fa9c1 --json'],
  run: (call) =>
    Registry.use(call, async (registry) => {
      const prefix = call.args[1] ?? (await registry.inForce(registry.name()));
      if (prefix === null) throw new MillraceError('model_unknown', `No model ${registry.name()} is in force yet.`);
      const { model } = await registry.find(prefix);
      const text = modelText(model);
      await call.host.stdout.write(`${call.json ? text : JSON.stringify(JSON.parse(text), null, 2)}\n`);
      return 0;
    }),
};
