import { avroDecoder, avroEncoder, type ParsedSchema, parseSchema } from './avro.ts';
import type { Column, RowDecoder, RowEncoder, SqlType } from './types.ts';

/** Avro for rows that no schema of the user describes: what exchanges hold. */
export interface RowCodec {
  readonly schema: ParsedSchema;
  readonly encode: RowEncoder;
  readonly decode: RowDecoder;
}

/** A codec of the columns, each nullable, exact for every type. Fields are called as the columns, so `topic cat` reads well; as their slots where a name is no Avro name. */
export function rowCodec(columns: readonly Column[]): RowCodec {
  const named =
    columns.every(({ name }) => /^[A-Za-z_]\w*$/.test(name) && name !== '__proto__') && new Set(columns.map(({ name }) => name)).size === columns.length;
  const fields = columns.map(({ name, slot, type }) => ({ field: named ? name : slot, slot, type }));
  const names = new TypeNames();
  const schema = parseSchema({
    type: 'record',
    name: 'Row',
    fields: fields.map(({ field, type }) => ({ name: field, type: ['null', names.avroType(type)], default: null })),
  });
  return {
    schema,
    encode: avroEncoder(schema, fields),
    decode: avroDecoder(schema, Object.fromEntries(fields.map(({ field, slot }) => [field, slot]))),
  };
}

/** Gives nested records names of their own: Avro wants one for each. */
class TypeNames {
  #count = 0;

  avroType(type: SqlType): unknown {
    switch (type.kind) {
      case 'BOOLEAN':
      case 'FLOAT':
      case 'DOUBLE':
        return type.kind.toLowerCase();
      case 'TINYINT':
      case 'SMALLINT':
      case 'INTEGER':
        return 'int';
      case 'BIGINT':
        return 'long';
      case 'HUGEINT':
        return { type: 'bytes', logicalType: 'decimal', precision: 39, scale: 0 };
      case 'DECIMAL':
        return { type: 'bytes', logicalType: 'decimal', precision: type.width, scale: type.scale };
      case 'VARCHAR':
        return 'string';
      case 'BLOB':
        return 'bytes';
      case 'DATE':
        return { type: 'int', logicalType: 'date' };
      case 'TIMESTAMP':
        return { type: 'long', logicalType: 'timestamp-micros' };
      case 'LIST':
        return { type: 'array', items: ['null', this.avroType(type.of)] };
      case 'MAP':
        return { type: 'map', values: ['null', this.avroType(type.of)] };
      case 'STRUCT':
        return {
          type: 'record',
          name: `Struct${++this.#count}`,
          fields: type.fields.map((field) => ({ name: field.name, type: ['null', this.avroType(field.type)], default: null })),
        };
    }
  }
}
