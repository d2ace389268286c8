import type { ParsedSchema } from '@millrace/shared-schemas/avro.ts';
import { assignable, columnsOf, fieldOf } from '@millrace/shared-schemas/avro.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import type { PlanContext } from '../flow/context.ts';
import { columnOf, type Stream } from '../flow/stream.ts';
import type { FileOutput, TopicOutput } from '../plan.ts';
import type { Report } from '../report.ts';
import { type Fields, optional, type Read, required, withDefault } from '../spec/field.ts';
import { fromIds, id, text } from '../spec/kinds.ts';
import { typeSql } from '../sql/sql-type.ts';
import { onErrorField } from '../steps/step.ts';
import { headOf, type MapNode, type Node, type ScalarNode } from '../yaml/node.ts';

/** An output as planned, before it is known which stage it is in. */
export type OutputBody = Omit<TopicOutput, 'id' | 'order' | 'from' | 'onError' | 'bridge'> | Omit<FileOutput, 'id' | 'order' | 'from' | 'onError'>;

export interface OutputInput {
  readonly stream: Stream;
  readonly schema: ParsedSchema | null;
  readonly directory: string;
  readonly node: MapNode;
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

/** The columns an output writes: the schema's fields in its order, or all there are. What does not fit is reported at the schema's name. */
export function writtenColumns({ stream, schema }: Pick<OutputInput, 'stream' | 'schema'>, at: Node | undefined, report: Report): Column[] {
  if (schema === null) return [...stream.columns];
  const columns: Column[] = [];
  for (const { name } of columnsOf(schema)) {
    const field = fieldOf(schema, name);
    const column = columnOf(stream.columns, name);
    if (column === undefined || field === null) {
      if (!stream.broken.has(name) && at !== undefined)
        report.error(
          headOf(at),
          'output_mismatch',
          `The schema has a field ${name}, and no such column arrives from ${stream.id}.`,
          `Add ${name} in a map step, or change the schema.`,
        );
      continue;
    }
    const reason = assignable(column.type, field);
    if (reason !== null && at !== undefined)
      report.error(
        headOf(at),
        'output_mismatch',
        `The column ${name} is ${typeSql(column.type)}: ${reason}.`,
        `Cast ${name} in a map step, or change the schema.`,
      );
    columns.push(column);
  }
  return columns;
}
