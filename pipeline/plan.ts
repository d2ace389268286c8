import type { Place } from '@millrace/runtime/placed-error.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import type { AnalyzePlan, ModelPlan } from './analyze/plan.ts';
import type { AggregateCall, Checked } from './sql/expr.ts';

/**
 * What a pipeline file means, as frozen plain data (JSON in, JSON out): the one thing the task loop, `explain`, the hash of a
 * snapshot and, later, the compilers to other engines read. No counts of partitions and no profile: those belong to a run.
 */
export interface Plan {
  readonly version: 1;
  readonly name: string;
  /** absolute path of the pipeline file; other paths in the plan are absolute too. Not part of the hash */
  readonly file: string;
  readonly guarantee: 'exactly_once' | 'at_least_once';
  readonly mergeWait: number;
  readonly sources: readonly SourcePlan[];
  readonly stages: readonly StagePlan[];
  readonly tables: readonly TablePlan[];
  readonly deadLetter: { readonly topic: string; readonly budget: { readonly ratio: number; readonly per: number } | null };
  /** null: the file has no `analyze` */
  readonly analyze: AnalyzePlan | null;
  readonly models: readonly ModelPlan[];
  /** sha256 of everything that decides an output of the record stage, hex; `analyze` has its own */
  readonly hash: string;
}

type AvroSchema = unknown;

export interface SourcePlan {
  readonly id: string;
  readonly index: number;
  readonly type: 'topic' | 'file' | 'generator';
  readonly topic: string | null;
  readonly path: string | null;
  readonly format: 'json' | 'avro' | 'csv' | 'parquet';
  readonly schema: AvroSchema;
  /** the columns records are partitioned by, when the file says so */
  readonly key: readonly string[] | null;
  /** null: the event time is the log's timestamp */
  readonly eventTime: { readonly slot: string; readonly type: SqlType } | null;
  /** ms */
  readonly outOfOrder: number;
  readonly idleAfter: number;
  readonly maxAhead: number | null;
  readonly late: 'dead_letter' | 'drop';
  readonly onError: 'dead_letter' | 'drop' | 'fail';
  /** bytes */
  readonly maxRecord: number;
  readonly generator: GeneratorPlan | null;
  readonly columns: readonly Column[];
}

export interface CardFraudPlan {
  readonly customers: number;
  readonly terminals: number;
  /** epoch ms of the first midnight */
  readonly start: number;
  readonly days: number | null;
  /** ms of event time a ms of the clock; null: as fast as records are taken */
  readonly speed: number | null;
  /** days that are history: they are there at once */
  readonly warmUp: number;
}

/** Record i of a generator is a pure function of (seed, i). */
export interface GeneratorPlan {
  readonly seed: number;
  /** records in all; null: endless */
  readonly count: number | null;
  /** records a second; null: as fast as they are taken */
  readonly rate: number | null;
  /** what is drawn first; null: uniform and normal numbers */
  readonly cardFraud: CardFraudPlan | null;
  /** an expression a field of the schema, over the columns of `drawnColumns` or `cardFraudColumns` */
  readonly fields: readonly GeneratedField[];
}

export interface GeneratedField {
  readonly name: string;
  readonly expr: Checked;
  /** where the expression stands. Not part of the hash */
  readonly at: Place;
}

/** A run of steps from logs to logs, with no exchange inside. Task p of a stage reads partition p of each of its inputs. */
export interface StagePlan {
  readonly index: number;
  /** the id of its first step, or of its only output: what people see */
  readonly id: string;
  readonly inputs: readonly InputPlan[];
  /** slots of each row shape; nodes name theirs by index */
  readonly shapes: readonly (readonly string[])[];
  /** in the order of the file: a node comes after those it reads */
  readonly nodes: readonly NodePlan[];
  readonly outputs: readonly OutputPlan[];
}

export type InputPlan =
  | { readonly kind: 'source'; readonly id: string; readonly source: number; readonly shape: number; readonly columns: readonly Column[] }
  /** reads the exchange that a stage before it writes */
  | {
      readonly kind: 'exchange';
      readonly id: string;
      readonly topic: string;
      readonly stage: number;
      readonly shape: number;
      readonly columns: readonly Column[];
    };

interface NodeBase {
  /** the step's id */
  readonly id: string;
  /** order of the step in the whole file, for rows that leave in one step */
  readonly order: number;
  /** ids of nodes or inputs of this stage */
  readonly from: readonly string[];
  /** row shape of what it emits */
  readonly shape: number;
  /** what is visible behind it */
  readonly columns: readonly Column[];
  readonly onError: 'dead_letter' | 'drop' | 'fail';
  readonly late: 'dead_letter' | 'drop';
}

export type NodePlan = FilterPlan | MapPlan | FlatMapPlan | UnionPlan | LookupPlan | DedupePlan | RollingPlan | WindowPlan | ScorePlan;

export interface FilterPlan extends NodeBase {
  readonly type: 'filter';
  readonly where: Checked;
}

/** Writes into slots of its own, so a step beside it never sees them; `drop` only hides names. */
export interface MapPlan extends NodeBase {
  readonly type: 'map';
  readonly set: readonly { readonly slot: string; readonly expr: Checked }[];
}

export interface FlatMapPlan extends NodeBase {
  readonly type: 'flat_map';
  readonly each: Checked;
  readonly slot: string;
}

/** Copies each input's columns into a row of its own. */
export interface UnionPlan extends NodeBase {
  readonly type: 'union';
  readonly inputs: readonly { readonly from: string; readonly copy: readonly (readonly [from: string, to: string])[] }[];
}

export interface LookupPlan extends NodeBase {
  readonly type: 'lookup';
  readonly table: string;
  readonly on: readonly Column[];
  readonly add: readonly { readonly column: string; readonly slot: string }[];
  readonly missing: 'null' | 'drop' | 'dead_letter';
}

export interface DedupePlan extends NodeBase {
  readonly type: 'dedupe';
  readonly key: readonly Column[];
  /** ms */
  readonly within: number;
}

export interface RollingPlan extends NodeBase {
  readonly type: 'rolling';
  readonly key: readonly Column[];
  /** ms; `tumbling` looks back to the start of the record's own window instead */
  readonly range: { readonly kind: 'range'; readonly size: number } | { readonly kind: 'tumbling'; readonly size: number; readonly offset: number };
  readonly delay: number;
  readonly allowedLateness: number;
  readonly emit: 'immediately' | 'on_watermark';
  readonly calls: readonly AggregateCall[];
  readonly add: readonly { readonly slot: string; readonly expr: Checked }[];
}

export interface WindowPlan extends NodeBase {
  readonly type: 'window';
  /** the key columns as they come in */
  readonly key: readonly Column[];
  /** the slots the key columns, the select columns, window_start and window_end leave in, in that order in `columns` */
  readonly keySlots: readonly string[];
  readonly window:
    | { readonly kind: 'tumbling'; readonly size: number; readonly offset: number }
    | { readonly kind: 'sliding'; readonly size: number; readonly slide: number; readonly offset: number };
  readonly startSlot: string;
  readonly endSlot: string;
  readonly allowedLateness: number;
  readonly emit: 'on_close' | 'on_update';
  readonly calls: readonly AggregateCall[];
  /** result expressions read a row of slots `a0`… and the key columns' incoming slots */
  readonly select: readonly { readonly slot: string; readonly expr: Checked }[];
}

/** Adds a column: the probability by the promoted model; NULL before there is one or when a feature is NULL. */
export interface ScorePlan extends NodeBase {
  readonly type: 'score';
  readonly model: string;
  /** when a promoted model takes over: at once, or behind its training boundary */
  readonly swap: 'immediate' | 'at_event_time';
  /** with at_event_time, ms between training boundaries, which are its multiples; null: a promoted model takes over at once, as nothing in the file trains it */
  readonly every: number | null;
  /** in the order of the model's */
  readonly features: readonly Column[];
  readonly slot: string;
  /** slot of a BOOLEAN: the probability reaches the model's threshold */
  readonly alarmSlot: string | null;
}

/** Where rows leave a stage. `columns` are in the order they are written. */
export type OutputPlan = TopicOutput | FileOutput | ExchangeOutput;

interface OutputBase {
  readonly id: string;
  readonly order: number;
  readonly from: string;
  readonly columns: readonly Column[];
  readonly onError: 'dead_letter' | 'drop' | 'fail';
}

export interface TopicOutput extends OutputBase {
  readonly kind: 'topic';
  readonly topic: string;
  readonly format: 'json' | 'avro';
  readonly schema: AvroSchema | null;
  readonly key: readonly Column[] | null;
  /** a source of `analyze` reads it: its writers send heartbeats, and the topic's meta lists them */
  readonly bridge: boolean;
}

/** Belongs to a stage that has one task. */
export interface FileOutput extends OutputBase {
  readonly kind: 'file';
  readonly path: string;
  readonly format: 'json' | 'csv';
  readonly schema: AvroSchema | null;
}

export interface ExchangeOutput extends OutputBase {
  readonly kind: 'exchange';
  readonly topic: string;
  /** the steps or the output that read it: a record without a key is a dead letter of each */
  readonly steps: readonly string[];
  /** null: everything to partition 0 (before a file) */
  readonly key: readonly Column[] | null;
  readonly single: boolean;
}

export interface TablePlan {
  readonly id: string;
  readonly path: string;
  readonly key: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: SqlType }[];
}
