import type { FileSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { csvEncoder, csvHeader } from '@millrace/shared-schemas/csv.ts';
import { jsonEncoder } from '@millrace/shared-schemas/json/encoder.ts';
import { outputFields } from '@millrace/shared-schemas/output-encoder.ts';
import type { FileRows } from './file-rows.ts';
import { parquetRows } from './parquet-rows.ts';
import { TextRows } from './text-rows.ts';

/** name of a format's files in a directory */
export const EXTENSIONS: Readonly<Record<FileSinkPlan['format'], string>> = { json: 'jsonl', csv: 'csv', parquet: 'parquet' };

/** Makes as many as there are files; what is compiled of the plan they share. */
export function fileRows(plan: FileSinkPlan): () => FileRows {
  const fields = outputFields(plan.columns, plan.schema);
  switch (plan.format) {
    case 'parquet':
      return parquetRows(fields);
    case 'csv': {
      const encode = csvEncoder(fields);
      const header = Buffer.from(`${csvHeader(fields)}\n`);
      return () => new TextRows(encode, header);
    }
    case 'json': {
      const encode = jsonEncoder(fields);
      return () => new TextRows(encode, Buffer.alloc(0));
    }
  }
}
