import { avroDecoder, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { csvDecoder } from '@millrace/shared-schemas/csv.ts';
import { jsonDecoder } from '@millrace/shared-schemas/json/decoder.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { RowDecoder } from '@millrace/shared-schemas/types.ts';
import type { SourcePlan } from '@millrace/pipeline/plan.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { FileCsvReader } from '@millrace/transport/connectors/file-csv.ts';
import { FileLinesReader } from '@millrace/transport/connectors/file-lines.ts';
import { FileParquetReader } from '@millrace/transport/connectors/file-parquet.ts';
import type { FileStamp } from '@millrace/transport/connectors/stamp.ts';
import type { Log, Position, Reader } from '@millrace/transport/log.ts';
import { openGenerator } from './open-generator.ts';

/** What opening a source takes besides its plan. */
export interface SourceContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly registry: SchemaRegistry;
  /** of file sources, by id */
  readonly stamps: Readonly<Record<string, FileStamp>>;
}

export const START: Position = { offset: 0 };

/** A reader of one partition of a source, at `from`. */
export function openReader(source: SourcePlan, partition: number, from: Position, context: SourceContext): Reader {
  if (source.type === 'topic') return context.log.reader(source.topic as string, partition, from);
  if (source.type === 'generator') return openGenerator(source, from, context.clock);
  const path = source.path as string;
  const options = { timestamp: (context.stamps[source.id] as FileStamp).mtimeMs, maxRecord: source.maxRecord };
  const reader = source.format === 'csv' ? new FileCsvReader(path, options) : source.format === 'parquet' ? new FileParquetReader(path, options) : new FileLinesReader(path, options);
  if (from !== START) reader.seek(from);
  return reader;
}

/** The decoder of a source's records into its row. CSV reads its columns' order from the file's first line. */
export function openDecoder(source: SourcePlan, reader: Reader, context: SourceContext): RowDecoder {
  const schema = parseSchema(source.schema);
  const slots = Object.fromEntries(source.columns.map((column) => [column.name, column.slot]));
  if (source.format === 'csv') return csvDecoder(schema, slots, (reader as FileCsvReader).header);
  if (source.format === 'avro') {
    const framing = source.type === 'topic' ? 'confluent' : 'none';
    return avroDecoder(schema, slots, { framing, writerSchema: (id) => context.registry.byId(id) });
  }
  return jsonDecoder(schema, slots);
}
