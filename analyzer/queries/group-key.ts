import { compareUtf8, keyWriter } from '@millrace/shared-schemas/keys.ts';
import type { Column, Row } from '@millrace/shared-schemas/types.ts';

/** The text of a row's group, equal exactly when GROUP BY puts the rows together: NULL is a group like any other. One column that is NULL gives null. */
export function groupKey(columns: readonly Column[]): (row: Row) => string | null {
  const whole = keyWriter(columns);
  if (columns.length <= 1) return (row) => whole.text(row);
  const parts = columns.map((column) => ({ writer: keyWriter([column]), plain: column.type.kind === 'VARCHAR' }));
  return (row) => {
    const text = whole.text(row);
    if (text !== null) return text;
    const texts = parts.map(({ writer, plain }) => {
      const part = writer.text(row);
      return part === null ? 'null' : plain ? JSON.stringify(part) : part;
    });
    return `[${texts.join()}]`;
  };
}

/** NULL first, then by bytes. */
export function compareGroupKeys(a: string | null, b: string | null): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  return compareUtf8(a, b);
}
