import type { SourcePlan } from '@millrace/pipeline/plan.ts';
import type { CompileOptions } from '@millrace/pipeline/sql/compile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { avroDecoder, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { csvDecoder, csvNames } from '@millrace/shared-schemas/csv.ts';
import { jsonDecoder } from '@millrace/shared-schemas/json/decoder.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { RowDecoder } from '@millrace/shared-schemas/types.ts';
import { AvroFileReader, avroFileSchema } from '@millrace/transport/connectors/file-avro.ts';
import { csvHeaderRecord, openCsv } from '@millrace/transport/connectors/file-csv.ts';
import { openLines } from '@millrace/transport/connectors/file-lines.ts';
import { ParquetReader } from '@millrace/transport/connectors/file-parquet.ts';
import type { FileStamp } from '@millrace/transport/connectors/stamp.ts';
import type { Log, Position, Reader } from '@millrace/transport/log.ts';
import { SchemaReader } from '@millrace/transport/schemareader.ts';
import { openGenerated } from './open-generator.ts';

/** What opening a source takes besides its plan. */
export interface SourceContext {
  readonly log: Log;
  readonly clock: Clock;
  /** epoch ms at which a generator's paced records begin to come; null: now */
  readonly begun: number | null;
  readonly registry: SchemaRegistry;
  /** of file sources, by id */
  readonly stamps: Readonly<Record<string, FileStamp>>;
  /** what a generator's expressions may need from the profile */
  readonly expressions: CompileOptions;
}

/** A reader of one partition of a source, at `from`. Throws `MillraceError` (source_missing, source_unreadable …). */
export function openReader(source: SourcePlan, partition: number, from: Position, context: SourceContext): Reader {
  if (source.type === 'topic') {
    const reader = context.log.reader(source.topic as string, partition, from);
    return source.format === 'avro' ? new SchemaReader(reader, context.registry) : reader;
  }
  if (source.type === 'generator') return openGenerated(source, from, context);
  const path = source.path as string;
  const options = { source: source.id, timestamp: (context.stamps[source.id] as FileStamp).mtimeMs, maxRecord: source.maxRecord };
  if (source.format === 'csv') return openCsv(path, options, from);
  if (source.format === 'parquet') return new ParquetReader(path, { ...options, ...parquetColumns(source.schema) }, from);
  if (source.format === 'avro') return new AvroFileReader(path, options, from);
  return openLines(path, options, from);
}

/** What of a Parquet file the schema wants, and in which of JSON's forms. */
function parquetColumns(schema: unknown): { columns: Set<string>; bytes: Set<string>; micros: Set<string> } {
  const { fields } = schema as { fields: readonly { name: string; type: unknown }[] };
  const named = (wanted: (type: { type?: unknown; logicalType?: unknown }) => boolean): Set<string> =>
    new Set(
      fields
        .filter(({ type }) => (Array.isArray(type) ? type : [type]).some((branch) => wanted(typeof branch === 'string' ? { type: branch } : branch)))
        .map(({ name }) => name),
    );
  return {
    columns: named(() => true),
    bytes: named(({ type, logicalType }) => type === 'bytes' && logicalType === undefined),
    micros: named(({ logicalType }) => logicalType === 'timestamp-micros'),
  };
}

/**
 * The decoder of a source's records into its row. CSV takes the order of its columns from the file's first line. Columns whose slots
 * are not in `read` are checked and not kept; all are, when it is left out. Those in `passed` may hold a `TextSpan`.
 */
export function openDecoder(source: SourcePlan, context: SourceContext, read?: ReadonlySet<string>, passed: ReadonlySet<string> = new Set()): RowDecoder {
  const schema = parseSchema(source.schema);
  const kept = read === undefined ? source.columns : source.columns.filter(({ slot }) => read.has(slot));
  const slots = Object.fromEntries(kept.map((column) => [column.name, column.slot]));
  if (source.format === 'csv') {
    const header = csvHeaderRecord(source.path as string, source.maxRecord);
    if (header === null) throw new MillraceError('source_unreadable', `${source.path} has no header line`);
    return csvDecoder(schema, slots, csvNames(header, 0, header.length));
  }
  if (source.format === 'avro' && source.type === 'file')
    return avroDecoder(schema, slots, { framing: 'none', writtenWith: avroFileSchema(source.path as string) });
  if (source.format === 'avro') return avroDecoder(schema, slots, { framing: 'confluent', writerSchema: (id) => context.registry.byId(id) });
  return jsonDecoder(schema, slots, { passed, recurring: true });
}
