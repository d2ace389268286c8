import type { PlanContext } from '../../flow/context.ts';
import type { WrittenInput } from '../../outputs/written.ts';
import { type Fields, optional, type Read, required } from '../../spec/field.ts';
import { expression, fromIds, id, text } from '../../spec/kinds.ts';
import { onErrorField } from '../../steps/step.ts';
import type { SinkPlan } from '../plan.ts';
import type { BatchStream } from '../stream.ts';

type Base = 'id' | 'order' | 'from' | 'where' | 'mode' | 'onError';
type BodyOf<S> = S extends SinkPlan ? Omit<S, Base> : never;
/** What a sink has beyond that of every sink. */
type SinkBody = BodyOf<SinkPlan>;

interface SinkInput extends WrittenInput {
  readonly stream: BatchStream;
  readonly directory: string;
}

/** One type of sink: all that the parser, lint, the docs and the JSON Schema know of it. */
export interface SinkSpec<F extends Fields = Fields> {
  readonly type: SinkPlan['type'];
  readonly doc: string;
  readonly example: string;
  readonly delivery: string;
  readonly fields: F;
  plan(read: Read<F>, input: SinkInput, context: PlanContext): SinkBody;
}

/** keys of every sink */
export const commonFields = {
  id: required(id, 'Names the sink.'),
  type: required(text('a type of sink'), 'The type of the sink.'),
  from: optional(fromIds, 'What it writes: a query, or a source of analyze. Default: the last query, or the only source.'),
  where: optional(expression, 'Only rows for which this is TRUE.'),
  on_error: onErrorField,
};

/** the key of sinks that may follow a schema */
export const schemaField = optional(
  text('the name of a schema'),
  'A schema of `schemas`: its fields are written, in its order. Without it all columns are, in theirs.',
);
