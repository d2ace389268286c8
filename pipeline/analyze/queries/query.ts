import type { Column } from '@millrace/shared-schemas/types.ts';
import type { PlanContext } from '../../flow/context.ts';
import type { Shape } from '../../flow/stream.ts';
import { type Fields, optional, type Read, required } from '../../spec/field.ts';
import { fromIds, id, text } from '../../spec/kinds.ts';
import { onErrorField } from '../../steps/step.ts';
import type { BatchStream, QueryBody } from '../stream.ts';

/** What a query makes of its input. */
interface QueryDraft {
  readonly body: QueryBody;
  readonly columns: readonly Column[];
  /** the input's, unless the query makes rows of another kind */
  readonly shape: Shape;
  readonly broken: ReadonlySet<string>;
  readonly timed: boolean;
  readonly mode: BatchStream['mode'];
}

/** One type of query: all that the parser, lint, the docs and the JSON Schema know of it. */
export interface QuerySpec<F extends Fields = Fields> {
  readonly type: string;
  readonly doc: string;
  /** YAML, one query */
  readonly example: string;
  readonly delivery: string;
  /** keys beyond id, type, from and on_error */
  readonly fields: F;
  /** null when its columns cannot be known, for a finding */
  plan(read: Read<F>, input: BatchStream, context: PlanContext): QueryDraft | null | Promise<QueryDraft | null>;
}

/** keys of every query */
export const commonFields = {
  id: required(id, 'Names the query, and its saved state.'),
  type: required(text('a type of query'), 'The type of the query.'),
  from: optional(fromIds, 'What it reads: a source of analyze, or a query before it. Default: the query before, or the only source.'),
  on_error: onErrorField,
};
