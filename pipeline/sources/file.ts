import { resolve } from 'node:path';
import { required } from '../spec/field.ts';
import { oneOf, text } from '../spec/kinds.ts';
import type { SourceSpec } from './source.ts';

const fields = {
  path: required(text('the path of a file'), 'The file, relative to the pipeline file.'),
  format: required(oneOf(['json', 'csv', 'parquet', 'avro']), 'JSON lines, CSV with a header row, Parquet, or an Avro object container.'),
};

export const file: SourceSpec<typeof fields> = {
  type: 'file',
  doc: 'Records of a file: one partition, in the order of its lines.',
  example: '- { id: rows, type: file, path: in.jsonl, format: json, schema: transaction, event_time: { field: event_time } }',
  delivery: 'May grow while it is read; what was read must not change.',
  fields,
  plan: ({ values }, { directory }) => ({ type: 'file', topic: null, path: resolve(directory, values.path.text), format: values.format, generator: null }),
};
