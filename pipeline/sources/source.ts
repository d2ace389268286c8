import type { ParsedSchema } from '@millrace/shared-schemas/avro.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import type { PlanContext } from '../flow/context.ts';
import type { SourcePlan } from '../plan.ts';
import { type Fields, optional, type Read, required, withDefault } from '../spec/field.ts';
import { duration, id, name, object, oneOf, oneOrMore, size, text } from '../spec/kinds.ts';
import type { MapNode } from '../yaml/node.ts';

/** What differs from one type of source to another. */
type SourceBody = Pick<SourcePlan, 'type' | 'topic' | 'path' | 'format' | 'generator'>;

export interface SourceInput {
  readonly schema: ParsedSchema | null;
  readonly columns: readonly Column[];
  readonly directory: string;
  readonly node: MapNode;
}

/** One type of source: all that the parser, lint, the docs and the JSON Schema know of it. */
export interface SourceSpec<F extends Fields = Fields> {
  readonly type: SourcePlan['type'];
  readonly doc: string;
  readonly example: string;
  readonly delivery: string;
  /** keys beyond those of every source */
  readonly fields: F;
  plan(read: Read<F>, input: SourceInput, context: PlanContext): SourceBody | Promise<SourceBody>;
}

export const eventTimeFields = {
  field: required(name(), 'The column that holds it: a long of epoch ms, a timestamp, or in JSON and CSV an ISO 8601 string.'),
  out_of_order: withDefault(duration(), 0, '0s', 'How far records may be out of order: the watermark is the highest event time seen − this − 1 ms.'),
  idle_after: withDefault(duration({ min: 1 }), 60_000, '1m', 'A partition at its end for so long holds nothing back.'),
  max_ahead: optional(duration(), "Refuses event times further ahead of the log's timestamp than this. Off unless given."),
  late: withDefault(oneOf(['dead_letter', 'drop']), 'dead_letter', 'dead_letter', "What becomes of late records, in all the source's steps."),
};

/** keys of every source */
export const commonFields = {
  id: required(id, 'Names the source.'),
  type: required(text('a type of source'), 'The type of the source.'),
  schema: required(text('the name of a schema'), 'A schema of `schemas`: the columns of the records.'),
  key: optional(oneOrMore('a column, or a list of columns'), 'How the source is partitioned: records of a key are in one partition.'),
  event_time: optional(object('event_time', eventTimeFields), "The records' event time. Without it a topic's is the log's timestamp."),
  max_record: withDefault(size(), 2 ** 20, '1MiB', 'A longer record is a dead letter.'),
  on_error: withDefault(
    oneOf(['dead_letter', 'drop', 'fail']),
    'dead_letter',
    'dead_letter',
    'What becomes of a record that cannot be used, here and (by default) in the steps behind.',
  ),
};
