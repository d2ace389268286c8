import type { Column } from '@millrace/shared-schemas/types.ts';
import type { PlanContext } from '../flow/context.ts';
import type { Shape, Stream } from '../flow/stream.ts';
import type { NodePlan } from '../plan.ts';
import { type Fields, optional, type Read, required } from '../spec/field.ts';
import { fromIds, id, oneOf, text } from '../spec/kinds.ts';

type Base = 'id' | 'order' | 'from' | 'shape' | 'columns' | 'onError' | 'late';
type BodyOf<N> = N extends NodePlan ? Omit<N, Base> : never;
/** What a node has beyond that of every node. */
export type NodeBody = BodyOf<NodePlan>;

/** What a step makes of its input. */
export interface StepDraft {
  readonly body: NodeBody;
  readonly columns: readonly Column[];
  /** the input's, unless the step makes records of another kind */
  readonly shape: Shape;
  readonly broken?: ReadonlySet<string>;
  /** the key by which records have to be together */
  readonly key?: readonly Column[];
}

/** One type of step: all that the parser, lint, the docs and the JSON Schema know of it. */
export interface StepSpec<F extends Fields = Fields> {
  readonly type: string;
  readonly doc: string;
  /** YAML, one step */
  readonly example: string;
  /** what a restart, a late record or an error does to its results */
  readonly delivery: string;
  /** keys beyond id, type, from and on_error */
  readonly fields: F;
  plan(read: Read<F>, input: Stream, context: PlanContext): StepDraft | Promise<StepDraft>;
}

export const onErrorField = optional(
  oneOf(['dead_letter', 'drop', 'fail']),
  "What becomes of a record that fails here. Default: its source's `on_error`, dead_letter.",
);
export const lateField = optional(oneOf(['dead_letter', 'drop']), "What becomes of a late record. Default: its source's `late`, dead_letter.");

/** keys of every step */
export const commonFields = {
  id: required(id, 'Names the step, and its saved state.'),
  type: required(text('a type of step'), 'The type of the step.'),
  from: optional(fromIds, 'What it reads: a source or a step before it, or a list of them (a union). Default: the step before, or the only source.'),
  on_error: onErrorField,
};
