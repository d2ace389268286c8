import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import { type Column, FlawError, type Row } from '@millrace/shared-schemas/types.ts';

const NULL_NAME = '__HIVE_DEFAULT_PARTITION__';
/** bytes of a name in the usual file systems */
const LONGEST = 255;

/**
 * Makes the directory of a row: `column=value` a partition column, as Hive has it. The value is its key text, URL-encoded; NULL has a name of its own.
 * Throws `FlawError` value_out_of_range for a value too long for a name.
 */
export function partitionPath(columns: readonly Column[]): (row: Row) => string {
  const parts = columns.map((column) => {
    const key = keyWriter([column]);
    const quotes = column.type.kind !== 'VARCHAR';
    return { prefix: `${encoded(column.name)}=`, name: column.name, text: (row: Row) => unquoted(key.text(row), quotes) };
  });
  return (row) =>
    parts
      .map(({ prefix, name, text }) => {
        const value = text(row);
        const directory = prefix + (value === null ? NULL_NAME : value === NULL_NAME ? `%5F${value.slice(1)}` : encoded(value));
        if (directory.length > LONGEST) throw new FlawError('value_out_of_range', `${name} is too long for the name of a directory`);
        return directory;
      })
      .join('/');
}

function unquoted(text: string | null, quotes: boolean): string | null {
  return quotes && text?.startsWith('"') ? text.slice(1, -1) : text;
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('*', '%2A');
}
