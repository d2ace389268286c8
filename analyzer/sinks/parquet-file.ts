import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';

type SchemaElement = NonNullable<Parameters<typeof parquetWrite>[0]['schema']>[number];

/** bytes of a two's complement of 38 decimal digits */
const DECIMAL_BYTES = 16;
const INT32_DIGITS = 9;
const INT64_DIGITS = 18;

/**
 * A whole Parquet file, Snappy, of columns of equal length. Types as SQL has them: TIMESTAMP in microseconds of UTC, DECIMAL exact, HUGEINT as
 * DECIMAL(38, 0), lists and maps in the three-level form. The same columns give the same bytes.
 */
export function parquetFile(columns: readonly { readonly name: string; readonly type: SqlType }[], data: readonly (readonly Value[])[]): Uint8Array {
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    createdBy: 'millrace',
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(({ name, type }) => elements(name, type))],
    columnData: columns.map(({ name, type }, i) => {
      const physical = physicalOf(type);
      const values = data[i] as readonly Value[];
      return { name, data: physical === null ? [...values] : values.map((value) => (value === null ? null : physical(value))) };
    }),
  });
  return writer.getBytes();
}

/** A column's part of the schema, in preorder. */
function elements(name: string, type: SqlType): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  switch (type.kind) {
    case 'BOOLEAN':
    case 'FLOAT':
    case 'DOUBLE':
      return [{ ...optional, type: type.kind }];
    // no logical type: hyparquet-writer 0.17.0 writes its width in four bytes instead of one, which DuckDB refuses
    case 'TINYINT':
      return [{ ...optional, type: 'INT32', converted_type: 'INT_8' }];
    case 'SMALLINT':
      return [{ ...optional, type: 'INT32', converted_type: 'INT_16' }];
    case 'INTEGER':
      return [{ ...optional, type: 'INT32' }];
    case 'BIGINT':
      return [{ ...optional, type: 'INT64' }];
    case 'HUGEINT':
      return elements(name, { kind: 'DECIMAL', width: 38, scale: 0 });
    case 'DECIMAL': {
      const { width: precision, scale } = type;
      const decimal = { ...optional, converted_type: 'DECIMAL', logical_type: { type: 'DECIMAL', precision, scale }, precision, scale } as const;
      if (precision <= INT32_DIGITS) return [{ ...decimal, type: 'INT32' }];
      if (precision <= INT64_DIGITS) return [{ ...decimal, type: 'INT64' }];
      return [{ ...decimal, type: 'FIXED_LEN_BYTE_ARRAY', type_length: DECIMAL_BYTES }];
    }
    case 'VARCHAR':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }];
    case 'BLOB':
      return [{ ...optional, type: 'BYTE_ARRAY' }];
    case 'DATE':
      return [{ ...optional, type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } }];
    case 'TIMESTAMP':
      return [{ ...optional, type: 'INT64', converted_type: 'TIMESTAMP_MICROS', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' } }];
    case 'LIST':
      return [
        { ...optional, converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        ...elements('element', type.of),
      ];
    case 'MAP': {
      const [key] = elements('key', { kind: 'VARCHAR' }) as [SchemaElement];
      return [
        { ...optional, converted_type: 'MAP', logical_type: { type: 'MAP' }, num_children: 1 },
        { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
        { ...key, repetition_type: 'REQUIRED' },
        ...elements('value', type.of),
      ];
    }
    case 'STRUCT':
      return [{ ...optional, num_children: type.fields.length }, ...type.fields.flatMap((field) => elements(field.name, field.type))];
  }
}

/** From a value, not null, to what the writer takes; null: it takes the value itself. */
function physicalOf(type: SqlType): ((value: Value) => unknown) | null {
  switch (type.kind) {
    case 'BIGINT':
    case 'HUGEINT':
    case 'DECIMAL':
    case 'TIMESTAMP':
      return (value) => BigInt(value as number | bigint);
    case 'LIST': {
      const item = physicalOf(type.of);
      return item && ((value) => (value as readonly Value[]).map((each) => (each === null ? null : item(each))));
    }
    case 'MAP': {
      const item = physicalOf(type.of);
      return item && ((value) => new Map([...(value as ReadonlyMap<string, Value>)].map(([key, each]) => [key, each === null ? null : item(each)])));
    }
    case 'STRUCT': {
      const fields = type.fields.map(({ name, type: of }) => [name, physicalOf(of)] as const);
      return (value) => {
        const struct = value as { readonly [name: string]: Value };
        return Object.fromEntries(fields.map(([name, item]) => [name, struct[name] === null || item === null ? struct[name] : item(struct[name] as Value)]));
      };
    }
    default:
      return null;
  }
}
