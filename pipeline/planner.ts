import type { Column } from '@millrace/shared-schemas/types.ts';
import type { Flow, FlowNode, FlowOutput, FlowSource } from './flow/flow.ts';
import type { Shape, Stream } from './flow/stream.ts';
import { keyOfColumns, type Partitioning, partitionBehind, satisfies, unitePartitions } from './partitioning.ts';
import type { ExchangeOutput, NodePlan, OutputPlan, StagePlan } from './plan.ts';
import { StageDraft } from './stage-draft.ts';

/** Where a stream is: in which stage, under which name, and how it is spread over that stage's tasks. */
interface Placed {
  readonly stage: StageDraft;
  readonly from: string;
  readonly partitioning: Partitioning;
}

/**
 * Cuts a flow into stages (decision 0002, point 4): a keyed step whose key does not keep the input's partitioning reads through an exchange, and so
 * does a file output of a stage that may have several tasks. What shares a log, and what a union brings together, is one stage.
 * `bridges`: ids of the outputs that `analyze` reads.
 */
export function planStages(flow: Flow, pipeline: string, bridges: ReadonlySet<string>): StagePlan[] {
  const planner = new Planner(pipeline, bridges);
  for (const source of flow.sources) planner.source(source);
  for (const node of flow.nodes) planner.node(node);
  for (const output of flow.outputs) planner.output(output);
  return planner.stages();
}

class Planner {
  readonly #pipeline: string;
  readonly #bridges: ReadonlySet<string>;
  readonly #placed = new Map<string, Placed>();
  readonly #drafts: StageDraft[] = [];
  readonly #exchanges = new Map<string, Placed & { readonly steps: string[] }>();
  readonly #files: FlowOutput[] = [];

  constructor(pipeline: string, bridges: ReadonlySet<string>) {
    this.#pipeline = pipeline;
    this.#bridges = bridges;
  }

  source({ plan, stream }: FlowSource): void {
    const stage = this.#stage();
    stage.inputs.push({ kind: 'source', id: plan.id, source: plan.index, shape: stream.shape, columns: stream.columns, one: plan.type !== 'topic' });
    const roots = plan.key === null ? null : plan.key.map((name) => stream.columns.find((column) => column.name === name)?.slot ?? name);
    this.#placed.set(stream.id, { stage, from: plan.id, partitioning: { spread: plan.type === 'topic' ? 'log' : 'one', log: plan.id, roots } });
  }

  node(node: FlowNode): void {
    const inputs = node.body.type === 'union' ? this.#gather(node) : [this.#keyed(node)];
    const { stage } = inputs[0];
    const { stream, order, body } = node;
    const renamed = body.type === 'union' ? { ...body, inputs: body.inputs.map((input, i) => ({ ...input, from: inputs[i].from })) } : body;
    const from = inputs.map((input) => input.from);
    stage.nodes.push({
      made: this.#made++,
      shape: stream.shape,
      plan: (shape) => ({ id: stream.id, order, from, shape, columns: stream.columns, onError: stream.onError, late: stream.late, ...renamed }) as NodePlan,
      slots: slotsOf(stream, body),
    });
    const partitioning =
      body.type === 'union'
        ? unitePartitions(
            node.inputs,
            inputs.map((input) => input.partitioning),
            stream,
          )
        : partitionBehind(body, node.inputs[0], inputs[0].partitioning);
    this.#placed.set(stream.id, { stage, from: stream.id, partitioning });
  }

  #made = 0;

  output(output: FlowOutput): void {
    if (output.body.kind === 'file') this.#files.push(output);
    else this.#write(this.#at(output.input), output);
  }

  /** Stages in the order their data takes, numbered. */
  stages(): StagePlan[] {
    for (const output of this.#files) {
      const at = this.#at(output.input);
      this.#write(at.stage.find().single ? at : this.#exchange(output.input, null, output), output);
    }
    const roots = this.#drafts.filter((draft) => draft.find() === draft && draft.works);
    const ordered: StageDraft[] = [];
    while (ordered.length < roots.length) {
      const next = roots.find((draft) => !ordered.includes(draft) && draft.readsFrom().every((one) => ordered.includes(one)));
      if (next === undefined) throw new Error('stages that read each other');
      ordered.push(next);
    }
    return ordered.map((draft, index) => draft.plan(index, (stage) => ordered.indexOf(stage.find())));
  }

  #stage(): StageDraft {
    const stage = new StageDraft();
    this.#drafts.push(stage);
    return stage;
  }

  #at(stream: Stream): Placed {
    const placed = this.#placed.get(stream.id) as Placed;
    return { ...placed, stage: placed.stage.find() };
  }

  /** The input of a step, re-keyed if it has to be. */
  #keyed(node: FlowNode): Placed {
    const [input] = node.inputs;
    const at = this.#at(input);
    if (node.key === null || satisfies(at.partitioning, node.key, input.shape)) return at;
    return this.#exchange(input, node.key, { ...node.stream, order: node.order });
  }

  /**
   * A log between the stage a stream is in and a new one, in front of step or output `before`, in whose name records go
   * that have no key. Steps that read the same stream by the same key and take the same way out of errors share it.
   */
  #exchange(
    input: Stream,
    key: readonly Column[] | null,
    { id: step, order, onError }: Pick<FlowOutput, 'id' | 'order' | 'onError'>,
    into?: StageDraft,
  ): Placed {
    const roots = key === null ? null : keyOfColumns(key, input.shape);
    const shared = `${input.id} ${onError} ${roots?.toSorted().join(' ')}`;
    const known = this.#exchanges.get(shared);
    if (known !== undefined && key !== null && into === undefined) {
      known.steps.push(step);
      return { ...known, stage: known.stage.find() };
    }
    const steps = [step];
    const id = into === undefined ? `${step}.exchange` : `${step}.${input.id}.exchange`;
    const topic = `${this.#pipeline}.${id}`;
    const writer = this.#at(input);
    const output: Omit<ExchangeOutput, 'from'> = {
      kind: 'exchange',
      id,
      order,
      columns: input.columns,
      onError,
      topic,
      steps,
      key,
      single: key === null,
    };
    writer.stage.outputs.push({ made: this.#made++, shape: input.shape, plan: { ...output, from: writer.from } });
    const stage = into ?? this.#stage();
    stage.inputs.push({ kind: 'exchange', id, topic, stage: writer.stage, shape: input.shape, columns: input.columns, one: key === null });
    const placed: Placed = { stage, from: id, partitioning: { spread: key === null ? 'one' : 'exchange', log: id, roots } };
    if (key !== null && into === undefined) this.#exchanges.set(shared, { ...placed, steps });
    return placed;
  }

  /**
   * The inputs of a union in one stage. Stages that do not read one another become one; what is upstream of another input comes
   * through an exchange, by that input's key where it has the columns.
   */
  #gather(node: FlowNode): Placed[] {
    const at = node.inputs.map((input) => this.#at(input));
    const deepest = at.filter(({ stage }) => !at.some((other) => other.stage !== stage && other.stage.dependsOn(stage)));
    const stage = deepest.map((placed) => placed.stage).reduce((one, other) => one.merge(other.find()));
    const main = at.indexOf(deepest[0]);
    return at.map((placed, i) => {
      if (placed.stage.find() === stage.find()) return { ...placed, stage: stage.find() };
      const key = sameKeyElsewhere(at[main].partitioning, node.inputs[main], node.inputs[i]);
      return this.#exchange(node.inputs[i], key, { ...node.stream, order: node.order }, stage.find());
    });
  }

  #write({ stage, from }: Placed, { id, order, onError, body, input }: FlowOutput): void {
    const more = body.kind === 'topic' ? { bridge: this.#bridges.has(id) } : {};
    stage.find().outputs.push({ made: this.#made++, shape: input.shape, plan: { id, order, from, onError, ...body, ...more } as OutputPlan });
  }
}

/** The columns of `other` named as the key that `stream` is partitioned by, when it is by an exchange and they are all there. */
function sameKeyElsewhere(partitioning: Partitioning, stream: Stream, other: Stream): Column[] | null {
  if (partitioning.spread !== 'exchange' || partitioning.roots === null) return null;
  const names = partitioning.roots.map((root) => stream.columns.find(({ slot }) => stream.shape.root(slot) === root)?.name);
  const columns = names.map((name) => other.columns.find((column) => column.name === name));
  return columns.every((column) => column !== undefined) ? columns : null;
}

/** Every slot a node may write or show. */
function slotsOf(stream: Stream, body: FlowNode['body']): { shape: Shape; slots: string[] } {
  const slots = stream.columns.map(({ slot }) => slot);
  if (body.type === 'map') slots.push(...body.set.map(({ slot }) => slot));
  return { shape: stream.shape, slots };
}
