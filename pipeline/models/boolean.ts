import type { Kind } from '../spec/field.ts';
import { describe, headOf } from '../yaml/node.ts';

/** true or false. */
export const boolean: Kind<boolean> = {
  what: 'true or false',
  schema: { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: '\\$\\{' }] },
  placeholder: true,
  read(node, report) {
    if (node.kind === 'scalar' && node.unresolved) return undefined;
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    report.error(headOf(node), 'wrong_type', `Expected true or false, found ${describe(node)}.`, 'Write true or false.');
    return undefined;
  },
};
