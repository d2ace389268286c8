import type { PlanContext } from '../flow/context.ts';
import type { FileOutput, TopicOutput } from '../plan.ts';
import { type Fields, optional, type Read, required, withDefault } from '../spec/field.ts';
import { fromIds, id, text } from '../spec/kinds.ts';
import { onErrorField } from '../steps/step.ts';
import type { ScalarNode } from '../yaml/node.ts';
import type { WrittenInput } from './written.ts';

/** An output as planned, before it is known which stage it is in. */
export type OutputBody = Omit<TopicOutput, 'id' | 'order' | 'from' | 'onError' | 'bridge'> | Omit<FileOutput, 'id' | 'order' | 'from' | 'onError'>;

interface OutputInput extends WrittenInput {
  readonly directory: string;
}

/** One type of output: all that the parser, lint, the docs and the JSON Schema know of it. */
export interface OutputSpec<F extends Fields = Fields> {
  readonly type: 'topic' | 'file';
  readonly doc: string;
  readonly example: string;
  readonly delivery: string;
  readonly fields: F;
  plan(read: Read<F>, input: OutputInput, context: PlanContext): OutputBody;
}

/** keys of every output */
export const commonFields = {
  id: required(id, 'Names the output.'),
  type: withDefault<ScalarNode | undefined>(text('a type of output'), undefined, 'topic', 'The type of the output.'),
  from: optional(fromIds, 'What it writes: a source or step, or a list of them (a union). Default: the last step.'),
  schema: optional(text('the name of a schema'), 'A schema of `schemas`: its fields are written, in its order. Without it all columns are, in theirs.'),
  on_error: onErrorField,
};
