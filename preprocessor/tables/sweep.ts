import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Ledger } from '@millrace/transport/log.ts';
import { type Layout, tasksOf } from '../layout.ts';
import { TaskStore } from '../task/store.ts';
import type { TableCatalog } from './catalog.ts';

/**
 * The old versions that no recovery needs any more: every task that looks up has what is named now in force, so that it takes no older one, and neither its last
 * snapshot nor its journal since speaks of them.
 */
export function sweepable(plan: Plan, layout: Layout, ledger: Ledger, { named, old }: TableCatalog): string[] {
  if (old.length === 0) return [];
  const needed = new Set<string>();
  for (const [stage, task] of tasksOf(layout)) {
    const of = plan.stages[stage];
    const tables = new Set(of?.nodes.flatMap((node) => (node.type === 'lookup' ? [node.table] : [])));
    if (of === undefined || tables.size === 0) continue;
    const saved = new TaskStore(ledger, plan.name, of.id, task).load();
    if (saved === null) return [];
    for (const table of tables) if (saved.progress.tables[table] !== named[table]) return [];
    for (const version of Object.values(saved.cut?.tables ?? {})) needed.add(version);
    for (const entry of saved.journal) if (entry[0] === 'table') needed.add(entry[2]);
  }
  return old.filter((version) => !needed.has(version));
}
