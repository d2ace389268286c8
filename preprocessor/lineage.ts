import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Reader } from '@millrace/transport/log.ts';
import { type Layout, originOf } from './layout.ts';
import { openReader, type SourceContext } from './source/open-source.ts';
import type { Lineage, Origin } from './task/dead-letter.ts';
import { START } from './task/fresh.ts';

/** Finds source records again by their lineage, with readers of its own that open when first needed. */
export class SourceLineage implements Lineage {
  readonly #plan: Plan;
  readonly #layout: Layout;
  readonly #context: SourceContext;
  readonly #readers = new Map<number, Reader>();

  constructor(plan: Plan, layout: Layout, context: SourceContext) {
    this.#plan = plan;
    this.#layout = layout;
    this.#context = context;
  }

  origin(index: number): Origin | null {
    const found = originOf(this.#layout, index);
    const source = found && this.#plan.sources[found.source];
    return source ? { topic: source.topic ?? source.id, partition: found.partition } : null;
  }

  record(index: number, offset: number): ReturnType<Lineage['record']> {
    const found = originOf(this.#layout, index);
    const source = found && this.#plan.sources[found.source];
    if (!source) return null;
    let reader = this.#readers.get(index);
    if (!reader) {
      reader = openReader(source, found.partition, START, this.#context);
      this.#readers.set(index, reader);
    }
    return reader.lookup(offset);
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }
}
