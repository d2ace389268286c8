import type { SqlType } from '@millrace/shared-schemas/types.ts';
import type { SqlNodeType } from './sql-tree.ts';
import { decimal, isPlainKind } from './sql-type.ts';

/** The type a cast names, or the name of one that record-stage SQL does not have. */
export function namedType(type: SqlNodeType | undefined): SqlType | string {
  if (type === undefined) return 'of this cast';
  const info = type.type_info ?? {};
  if (type.id === 'DECIMAL') return decimal(Number(info.width), Number(info.scale));
  if (isPlainKind(type.id)) return { kind: type.id };
  if (type.id === 'LIST' && info.child_type !== undefined) {
    const of = namedType(info.child_type);
    return typeof of === 'string' ? of : { kind: 'LIST', of };
  }
  return type.id === 'UNBOUND' ? (info.name ?? type.id) : type.id;
}
