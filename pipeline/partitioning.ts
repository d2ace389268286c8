import type { Column } from '@millrace/shared-schemas/types.ts';
import type { Shape, Stream } from './flow/stream.ts';
import type { NodeBody } from './steps/step.ts';

/** How the records of a stream are spread over the tasks of its stage. */
export interface Partitioning {
  /** one: a single partition · log: as a topic has it · exchange: as ours do, all with the same number · mixed: of several kinds */
  readonly spread: 'one' | 'log' | 'exchange' | 'mixed';
  /** the input it comes from, '' for several */
  readonly log: string;
  /** records with equal values in these (root) slots are in one task; null when nothing is known */
  readonly roots: readonly string[] | null;
}

export function keyOfColumns(key: readonly Column[], shape: Shape): string[] {
  return key.map(({ slot }) => shape.root(slot));
}

/** Whether records of one key are sure to be in one task: the partitioning looks at no column outside the key. */
export function satisfies({ roots }: Partitioning, key: readonly Column[], shape: Shape): boolean {
  if (roots === null) return false;
  const wanted = new Set(keyOfColumns(key, shape));
  return roots.every((root) => wanted.has(root));
}

/** The partitioning behind a step with one input. A window keeps it in the slots its key columns leave in; other steps do not move records. */
export function partitionBehind(body: NodeBody, input: Stream, before: Partitioning): Partitioning {
  if (body.type !== 'window' || before.roots === null) return before;
  const incoming = keyOfColumns(body.key, input.shape);
  const roots = before.roots.map((root) => body.keySlots[incoming.indexOf(root)]);
  return { ...before, roots: roots.includes(undefined as never) ? null : roots };
}

/**
 * The partitioning of a union. Equal keys are only in one task when the inputs have the same number of partitions: one log, our exchanges, or
 * single partitions.
 */
export function unitePartitions(inputs: readonly Stream[], all: readonly Partitioning[], united: Stream): Partitioning {
  const [first] = all;
  const alike = all.every(({ spread, log }) => spread === first.spread && (spread !== 'log' || log === first.log));
  const log = all.every((one) => one.log === first.log) ? first.log : '';
  if (!alike || first.spread === 'mixed') return { spread: 'mixed', log: '', roots: null };
  const named = inputs.map((input, i) => namesOf(all[i], input));
  const names = named[0];
  if (names === null || !named.every((other) => other !== null && other.join('\n') === names.join('\n'))) return { spread: first.spread, log, roots: null };
  return { spread: first.spread, log, roots: names.map((name) => united.columns.find((column) => column.name === name)?.slot ?? name) };
}

/** The visible columns that hold the roots, or null when one is hidden. */
function namesOf({ roots }: Partitioning, { columns, shape }: Stream): string[] | null {
  if (roots === null) return null;
  const names = roots.map((root) => columns.find(({ slot }) => shape.root(slot) === root)?.name);
  return names.every((name) => name !== undefined) ? names : null;
}
