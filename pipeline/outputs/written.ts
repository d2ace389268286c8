import { assignable, columnsOf, fieldOf, type ParsedSchema } from '@millrace/shared-schemas/avro.ts';
import type { Column } from '@millrace/shared-schemas/types.ts';
import { keyColumns } from '../flow/context.ts';
import { columnOf, type Stream } from '../flow/stream.ts';
import type { TopicOutput } from '../plan.ts';
import type { Report } from '../report.ts';
import { type Fields, optional, type Read, required } from '../spec/field.ts';
import { oneOf, oneOrMore, topicName } from '../spec/kinds.ts';
import { typeSql } from '../sql/sql-type.ts';
import { entryOf, headOf, type MapNode, type Node } from '../yaml/node.ts';

/** What is written where: shared by the outputs of preprocess and the sinks of analyze. */
export interface WrittenInput {
  readonly stream: Stream;
  readonly schema: ParsedSchema | null;
  readonly node: MapNode;
}

/** keys of everything that writes a topic, beside the schema */
export const topicFields = {
  topic: required(topicName, 'The topic. Made when it is not there.'),
  key: optional(oneOrMore('a column, or a list of columns'), "The record's key, which picks its partition."),
  format: optional(oneOf(['json', 'avro']), 'Default: avro with a schema, else json.'),
} satisfies Fields;

/** What is written to a topic, and how. */
export function topicBody(
  { values, at }: Read<typeof topicFields>,
  input: WrittenInput,
  report: Report,
): Pick<TopicOutput, 'topic' | 'format' | 'schema' | 'key' | 'columns'> {
  const { stream, schema, node } = input;
  const schemaNode = entryOf(node, 'schema')?.value;
  const key = values.key === undefined ? null : keyColumns(values.key, stream, report);
  const format = values.format ?? (schemaNode === undefined ? 'json' : 'avro');
  if (format === 'avro' && schemaNode === undefined && at.format !== undefined)
    report.error(at.format, 'missing_key', 'Avro needs a schema.', 'Add schema: with the name of one under schemas.');
  return { topic: values.topic.text, format, schema: schema?.json ?? null, key, columns: writtenColumns(input, schemaNode, report) };
}

const NESTED = new Set(['LIST', 'STRUCT', 'MAP']);

/** Reports the first column that CSV cannot hold, at `at`. */
export function checkFlat(format: string, columns: readonly Column[], at: Node, report: Report): void {
  const nested = format === 'csv' ? columns.find((column) => NESTED.has(column.type.kind)) : undefined;
  if (nested !== undefined)
    report.error(
      headOf(at),
      'output_mismatch',
      `CSV cannot hold the column ${nested.name}, a ${nested.type.kind}.`,
      'Use another format, or leave the column out.',
    );
}

/** The columns an output writes: the schema's fields in its order, or all there are. What does not fit is reported at the schema's name. */
export function writtenColumns({ stream, schema }: Pick<WrittenInput, 'stream' | 'schema'>, at: Node | undefined, report: Report): Column[] {
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
