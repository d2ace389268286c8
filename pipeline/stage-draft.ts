import type { Column } from '@millrace/shared-schemas/types.ts';
import type { Shape } from './flow/stream.ts';
import type { InputPlan, NodePlan, OutputPlan, StagePlan } from './plan.ts';

type DraftInput = {
  readonly id: string;
  readonly shape: Shape;
  readonly columns: readonly Column[];
  /** a single partition, whatever the profile says */
  readonly one: boolean;
} & ({ readonly kind: 'source'; readonly source: number } | { readonly kind: 'exchange'; readonly topic: string; readonly stage: StageDraft });

interface DraftNode {
  /** the order in which things were planned */
  readonly made: number;
  readonly shape: Shape;
  readonly plan: (shape: number) => NodePlan;
  readonly slots: { readonly shape: Shape; readonly slots: readonly string[] };
}

interface DraftOutput {
  readonly made: number;
  readonly shape: Shape;
  readonly plan: OutputPlan;
}

/** A stage being planned. Stages that turn out to be one are merged: always ask `find()` for the one that stands. */
export class StageDraft {
  inputs: DraftInput[] = [];
  nodes: DraftNode[] = [];
  outputs: DraftOutput[] = [];
  #into: StageDraft | null = null;

  find(): StageDraft {
    return this.#into === null ? this : this.#into.find();
  }

  merge(other: StageDraft): StageDraft {
    const own = this.find();
    const gone = other.find();
    if (own === gone) return own;
    own.inputs.push(...gone.inputs);
    own.nodes.push(...gone.nodes);
    own.outputs.push(...gone.outputs);
    gone.#into = own;
    return own;
  }

  /** the stages whose exchanges this one reads */
  readsFrom(): StageDraft[] {
    return this.inputs.flatMap((input) => (input.kind === 'exchange' ? [input.stage.find()] : []));
  }

  dependsOn(other: StageDraft): boolean {
    return this.readsFrom().some((stage) => stage === other || stage.dependsOn(other));
  }

  /** whether it can only ever have one task */
  get single(): boolean {
    return this.inputs.every((input) => input.one);
  }

  /** a source that nothing reads is no stage */
  get works(): boolean {
    return this.nodes.length > 0 || this.outputs.length > 0;
  }

  plan(index: number, indexOf: (stage: StageDraft) => number): StagePlan {
    const shapes: Shape[] = [];
    const used = new Map<Shape, Set<string>>();
    const shapeOf = (shape: Shape, slots: readonly string[]): number => {
      if (!shapes.includes(shape)) {
        shapes.push(shape);
        used.set(shape, new Set());
      }
      for (const slot of slots) used.get(shape)?.add(slot);
      return shapes.indexOf(shape);
    };
    const slotsOf = (columns: readonly Column[]): string[] => columns.map(({ slot }) => slot);
    const inputs = this.inputs.map((input): InputPlan => {
      const { id, columns } = input;
      const shape = shapeOf(input.shape, slotsOf(columns));
      if (input.kind === 'source') return { kind: 'source', id, source: input.source, shape, columns };
      return { kind: 'exchange', id, topic: input.topic, stage: indexOf(input.stage), shape, columns };
    });
    const nodes = this.nodes.toSorted((a, b) => a.made - b.made).map((node) => node.plan(shapeOf(node.shape, node.slots.slots)));
    const outputs = this.outputs.map(({ plan }) => plan).toSorted((a, b) => a.order - b.order);
    const alone = outputs.every(({ kind }) => kind === 'exchange') ? inputs[0].id : outputs[0].id;
    const slots = shapes.map((shape) => shape.slots.filter((slot) => used.get(shape)?.has(slot)));
    return { index, id: nodes[0]?.id ?? alone, inputs, shapes: slots, nodes, outputs };
  }
}
