import type { Model } from '@millrace/shared-schemas/model.ts';
import type { ModelDecision } from '@millrace/shared-schemas/model-decision.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import type { InHand } from '../in-hand.ts';
import type { StateWriter } from '../queries/query.ts';
import type { Fit } from './fit.ts';

/** What the analyzer lends to the training of its models. */
interface TrainingHost {
  /** event time of the row that is being processed */
  readonly inHand: InHand;
  /** a model of the ledger, by its hash */
  model(hash: string): Model | null;
  /** who fits models, which can do so `here`; default: this process */
  readonly fitting?: (here: Fit) => Fit;
}

/** The end of a batch, as training sees it. */
interface TrainingEnd {
  /** the time up to which all rows of a source or query are there; null where nobody says */
  completeness(id: string): number | null;
  /** the input has ended: the first boundary behind the last row is taken too */
  readonly ending: boolean;
  /** hash of the model in force in this batch */
  inForce(model: string): string | null;
}

/** What a batch's training comes to: durable with the batch's results, the decisions on the topic of models with its commit. */
export interface TrainingResult {
  /** in the order they were taken */
  readonly decisions: readonly ModelDecision[];
  /** models made or judged, by hash: every one that a decision names for the first time is among them */
  readonly models: ReadonlyMap<string, Model>;
}

/** Learns from the rows of a batch, at its end. Deterministic, like a query: the same batches give the same models, bit for bit. */
export interface Training {
  /** whose rows it sees, and how; a row is overwritten after the call */
  readonly listeners: readonly { readonly from: string; readonly process: (row: Row) => void }[];
  finish(end: TrainingEnd): Promise<TrainingResult>;
  /** whether a batch without data would decide something */
  due(ending: boolean): boolean;
  /** writes what changed since the last call */
  snapshot(writer: StateWriter): void;
  /** called once, before any row, with entries in key order */
  restore(entries: Iterable<readonly [key: string, value: Uint8Array]>): void;
}

export type OpenTraining = (host: TrainingHost) => Training;
