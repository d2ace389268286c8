import type { Plan } from '@millrace/pipeline/plan.ts';

/**
 * The stages whose event time says how complete a model's training data are: those that write the bridges it learns from, and all that
 * feed them. By index.
 */
export function trainingStages(plan: Plan, model: string): ReadonlySet<number> {
  const found = new Set<number>();
  const planned = plan.models.find(({ id }) => id === model);
  const add = (stage: number): void => {
    if (found.has(stage)) return;
    found.add(stage);
    for (const input of plan.stages[stage]?.inputs ?? []) {
      if (input.kind === 'exchange') add(input.stage);
      else addWriters((output) => output.topic === plan.sources[input.source]?.topic);
    }
  };
  const addWriters = (writes: (output: { readonly id: string; readonly topic: string }) => boolean): void => {
    for (const stage of plan.stages) if (stage.outputs.some((output) => output.kind === 'topic' && writes(output))) add(stage.index);
  };
  for (const from of [planned?.train?.from, planned?.label?.source]) {
    const source = sourceOf(plan, from ?? null);
    if (source !== null) addWriters((output) => output.id === source);
  }
  return found;
}

/** the output that a source or query of analyze comes from in the end; null for someone else's topic */
function sourceOf({ analyze }: Plan, from: string | null): string | null {
  const query = analyze?.queries.find(({ id }) => id === from);
  if (query) return sourceOf({ analyze } as Plan, query.from);
  return analyze?.sources.find(({ id }) => id === from)?.output ?? null;
}
