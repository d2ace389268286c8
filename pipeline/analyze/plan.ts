import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import type { AggregateCall, Checked } from '../sql/expr.ts';

/** The analyzer's half of a plan: frozen plain data, like the rest of it. Times are ms. */
export interface AnalyzePlan {
  readonly trigger: TriggerPlan;
  readonly sources: readonly AnalyzeSourcePlan[];
  /** in the order of the file: a query comes after what it reads */
  readonly queries: readonly QueryPlan[];
  readonly sinks: readonly SinkPlan[];
  /** slots of each row shape; sources and queries name theirs by index */
  readonly shapes: readonly (readonly string[])[];
  /** sha256 of everything that decides a result, hex */
  readonly hash: string;
}

export interface TriggerPlan {
  readonly kind: 'every' | 'available_now' | 'once';
  /** 0: the next batch when the last one ends */
  readonly every: number;
  /** records of a batch at most, over all sources' partitions; null: no limit */
  readonly maxRecords: number | null;
}

export interface AnalyzeSourcePlan {
  readonly id: string;
  readonly index: number;
  readonly topic: string;
  /** the output of this pipeline that writes it: then event time and completeness ride in the headers. null: someone else's topic */
  readonly output: string | null;
  readonly format: 'avro' | 'json';
  readonly schema: unknown;
  /** of a foreign topic; null: the log's timestamp, or the header's on a bridge */
  readonly eventTime: { readonly slot: string; readonly type: SqlType } | null;
  readonly shape: number;
  readonly columns: readonly Column[];
}

interface QueryBase {
  readonly id: string;
  readonly order: number;
  /** id of a source or of a query before */
  readonly from: string;
  /** row shape of what it emits */
  readonly shape: number;
  readonly columns: readonly Column[];
  readonly onError: 'dead_letter' | 'drop' | 'fail';
}

export type QueryPlan = AggregateQueryPlan | SqlQueryPlan | ScoreQueryPlan;

export interface AggregateQueryPlan extends QueryBase {
  readonly type: 'aggregate';
  readonly where: Checked | null;
  /** the grouping columns as they come in, and the slots they leave in */
  readonly groupBy: readonly Column[];
  readonly keySlots: readonly string[];
  /** tumbling has slide = size */
  readonly window: { readonly size: number; readonly slide: number; readonly offset: number; readonly startSlot: string; readonly endSlot: string } | null;
  readonly watermark: { readonly kind: 'delay'; readonly delay: number } | { readonly kind: 'bridge' } | null;
  readonly calls: readonly AggregateCall[];
  /** result expressions read a row of slots `a0` … and the grouping columns' incoming slots */
  readonly select: readonly { readonly slot: string; readonly expr: Checked }[];
  readonly mode: 'append' | 'update' | 'complete';
}

/** Sees one batch of `from` as a table of that name; runs in DuckDB as written. */
export interface SqlQueryPlan extends QueryBase {
  readonly type: 'sql';
  readonly sql: string;
  /** the table's name in the statement and what of the incoming row fills it */
  readonly table: string;
  readonly inputs: readonly Column[];
  /** what in it compares or combines rows (`GROUP BY`, `window functions` …), so that the limits of batches show; empty: each row stands alone */
  readonly limits: readonly string[];
}

/** Adds a column: the probability by the promoted model; NULL before there is one or when a feature is NULL. */
export interface ScoreQueryPlan extends QueryBase {
  readonly type: 'score';
  readonly model: string;
  readonly features: readonly Column[];
  readonly slot: string;
}

interface SinkBase {
  readonly id: string;
  readonly order: number;
  readonly from: string;
  readonly where: Checked | null;
  /** in the order they are written */
  readonly columns: readonly Column[];
  /** what its rows mean: appended for good, changed rows, or the whole result anew */
  readonly mode: 'append' | 'update' | 'complete';
  readonly onError: 'dead_letter' | 'drop' | 'fail';
}

export type SinkPlan = TopicSinkPlan | FileSinkPlan | ConsoleSinkPlan;

export interface TopicSinkPlan extends SinkBase {
  readonly type: 'topic';
  readonly topic: string;
  readonly format: 'json' | 'avro';
  readonly schema: unknown | null;
  readonly key: readonly Column[] | null;
}

/** One file, or with `partitionBy` a directory of `column=value` directories holding a file a batch. A path of parquet is always a directory of a file a batch. */
export interface FileSinkPlan extends SinkBase {
  readonly type: 'file';
  readonly path: string;
  readonly format: 'json' | 'csv' | 'parquet';
  readonly schema: unknown | null;
  readonly partitionBy: readonly Column[];
}

export interface ConsoleSinkPlan extends SinkBase {
  readonly type: 'console';
  /** rows of a batch shown at most */
  readonly limit: number;
}

export interface ModelPlan {
  readonly id: string;
  readonly type: 'logistic_regression';
  readonly features: readonly string[];
  readonly swap: 'immediate' | 'at_event_time';
  /** null, like `train`: nothing in this pipeline trains it, a model is promoted by hand */
  readonly label: LabelPlan | null;
  readonly train: TrainPlan | null;
  readonly evaluate: { readonly card: Column | null; readonly alertsPerDay: number };
  /**
   * Over the metrics of the new model (slots `auc_roc` …, see `pipeline/models/metrics.ts`) and, as `current.…`, of the promoted one (slot
   * `current`, an object with the same names); null: always.
   */
  readonly promoteIf: Checked | null;
}

export interface TrainPlan {
  /** an analyze source or query whose rows have an event time and stay */
  readonly from: string;
  /** its feature columns (numbers or booleans) in the order of `features` */
  readonly columns: readonly Column[];
  readonly window: number;
  readonly every: number;
  readonly l2: number;
  readonly l1: number;
  readonly classWeight: 'none' | 'balanced';
  readonly standardize: boolean;
}

/** Where the truth comes from: a column of the records themselves, or another source's, joined on columns of equal names. */
export interface LabelPlan {
  readonly source: string | null;
  /** the join columns on the training side and on the label side */
  readonly on: readonly (readonly [train: Column, label: Column])[];
  readonly field: Column;
  readonly knownAfter: number;
}
