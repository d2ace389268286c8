import type { Column } from '@millrace/shared-schemas/types.ts';
import type { OutputBody } from '../outputs/output.ts';
import type { SourcePlan } from '../plan.ts';
import type { NodeBody } from '../steps/step.ts';
import type { OnError, Stream } from './stream.ts';

/** A pipeline's steps as a graph of streams, before anything is said of stages. In the order of the file. */
export interface Flow {
  readonly sources: readonly FlowSource[];
  readonly nodes: readonly FlowNode[];
  readonly outputs: readonly FlowOutput[];
}

export interface FlowSource {
  readonly plan: SourcePlan;
  readonly stream: Stream;
}

export interface FlowNode {
  readonly order: number;
  readonly inputs: readonly Stream[];
  /** what it emits; its id is the node's */
  readonly stream: Stream;
  readonly body: NodeBody;
  /** records of a key have to be in one task */
  readonly key: readonly Column[] | null;
}

export interface FlowOutput {
  readonly id: string;
  readonly order: number;
  readonly input: Stream;
  readonly onError: OnError;
  readonly body: OutputBody;
}
