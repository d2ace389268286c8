import type { Column } from '@millrace/shared-schemas/types.ts';
import type { LabelPlan, ModelPlan, TrainPlan } from '../analyze/plan.ts';
import type { Analysis } from '../analyze/read-analyze.ts';
import type { BatchStream } from '../analyze/stream.ts';
import { columnNamed, type DeclaredModel, keyColumns, type PlanContext } from '../flow/context.ts';
import { columnOf } from '../flow/stream.ts';
import type { Report } from '../report.ts';
import { type Read, readFields } from '../spec/field.ts';
import { id as idKind } from '../spec/kinds.ts';
import { typeSql } from '../sql/sql-type.ts';
import { didYouMean } from '../suggest.ts';
import { sameKeys } from '../tables.ts';
import { headOf, type MapNode, type ScalarNode } from '../yaml/node.ts';
import { type evaluateFields, type labelFields, modelFields, type trainFields } from './fields.ts';
import { promotionColumns } from './metrics.ts';
import { isFeature } from './score.ts';

/** A model as written: what scores need is known at once, the rest when the streams are (`planModels`). */
export interface ReadModel {
  readonly name: ScalarNode;
  readonly read: Read<typeof modelFields> | null;
}

/** Reads the keys of `models`. */
export function readModels(node: MapNode | undefined, report: Report): ReadModel[] {
  return (node?.entries ?? []).map(({ key, value }) => {
    idKind.read(key, report);
    if (value.kind === 'map') return { name: key, read: readFields(value, modelFields, report, 'a model') };
    report.error(headOf(value), 'wrong_type', 'A model is a mapping (type, features, label, train …).', 'Write { type: logistic_regression, features: […] }.');
    return { name: key, read: null };
  });
}

/** `analyzed`: the file has an `analyze`, which trains those that say so. */
export function declaredModels(models: readonly ReadModel[], analyzed: boolean): ReadonlyMap<string, DeclaredModel> {
  return new Map(
    models.map(({ name, read }) => {
      const { features = [], swap = 'immediate', train, label } = read?.values ?? {};
      const every = analyzed && train !== undefined && label !== undefined ? train.values.every : null;
      return [name.text, { features: features.map(({ text }) => text), swap, every }];
    }),
  );
}

/** Plans the models against what `analyze` gives; null: the file has none. */
export async function planModels(models: readonly ReadModel[], analysis: Analysis | null, context: PlanContext): Promise<ModelPlan[]> {
  const planned: ModelPlan[] = [];
  for (const { name, read } of models) if (read !== null) planned.push(await planModel(name, read, analysis, context));
  return planned;
}

async function planModel(name: ScalarNode, { values, at }: Read<typeof modelFields>, analysis: Analysis | null, context: PlanContext): Promise<ModelPlan> {
  const { report, expressions } = context;
  const promoteIf = values.promote_if === undefined ? null : await expressions.condition(values.promote_if, { columns: promotionColumns, broken: new Set() });
  const model = { id: name.text, type: values.type, features: values.features.map(({ text }) => text), swap: values.swap, promoteIf } as const;
  const untrained = { ...model, label: null, train: null, evaluate: { card: null, alertsPerDay: values.evaluate?.values.alerts_per_day ?? 100 } };
  for (const [key, other] of [
    ['train', 'label'],
    ['label', 'train'],
  ] as const)
    if (at[key] !== undefined && at[other] === undefined)
      report.error(headOf(at[key]), 'missing_key', `The model ${name.shown} has ${key} and no ${other}.`, `Add ${other}:.`);
  if (at.train === undefined && at.label === undefined)
    report.warning(name, 'untrained_model', `Nothing trains the model ${name.shown}: scores are NULL until one is promoted by hand.`);
  else if (analysis === null && at.train !== undefined)
    report.warning(name, 'untrained_model', `Nothing trains the model ${name.shown}: the file has no analyze.`, 'Add analyze:, or promote a model by hand.');
  const { train, label } = values;
  if (train === undefined || label === undefined || analysis === null) return untrained;
  const stream = trainingStream(train.values.from, analysis, report);
  if (stream === null) return untrained;
  if (values.swap === 'at_event_time' && !stream.source.bridge && at.swap !== undefined)
    report.error(
      headOf(at.swap),
      'illegal_swap',
      `The record stage would wait for models trained on ${train.values.from.shown}, and nobody says how far the event time of that topic is.`,
      'Train on an output of preprocess, or write swap: immediate.',
    );
  return {
    ...model,
    label: planLabel(label, stream, analysis, report),
    train: planTrain(train, values.features, stream, report),
    evaluate: planEvaluate(values.evaluate, stream, report),
  };
}

/** The rows a model learns from: they have an event time and are appended for good. */
function trainingStream(from: ScalarNode, { streams }: Analysis, report: Report): BatchStream | null {
  const stream = streams.get(from.text);
  if (stream === undefined) report.error(from, 'dangling_from', `There is no source or query ${from.shown} in analyze.`, didYouMean(from.text, streams.keys()));
  else if (stream !== null && !stream.timed)
    report.error(
      from,
      'missing_event_time',
      `A model is trained on a window of event time, and the rows of ${from.shown} have none.`,
      'Train on what it reads.',
    );
  else if (stream !== null && stream.mode !== 'append')
    report.error(
      from,
      'illegal_mode',
      `A model is trained on rows that stay, and ${from.shown} gives ${stream.mode === 'update' ? 'changed rows' : 'the whole result anew'}.`,
      'Train on a source, or on a query of mode append.',
    );
  return stream ?? null;
}

function planTrain({ values }: Read<typeof trainFields>, features: readonly ScalarNode[], stream: BatchStream, report: Report): TrainPlan {
  const columns: Column[] = [];
  for (const node of features) {
    const column = columnNamed(node, stream, report);
    if (column !== undefined && !isFeature(column))
      report.error(
        node,
        'type_error',
        `The feature ${node.shown} is ${typeSql(column.type)} in ${stream.id}, no number or boolean.`,
        `Cast ${node.shown} before.`,
      );
    if (column !== undefined) columns.push(column);
  }
  const { window, every, l2, l1, class_weight: classWeight, standardize } = values;
  return { from: stream.id, columns, window, every, l2, l1, classWeight, standardize };
}

function planLabel({ values, at, node }: Read<typeof labelFields>, stream: BatchStream, { plan, streams }: Analysis, report: Report): LabelPlan {
  const { source, on = [], field, known_after: knownAfter } = values;
  const given = source === undefined ? stream : (streams.get(source.text) ?? null);
  const known = source === undefined || plan.sources.some(({ id }) => id === source.text) || streams.get(source.text) === null;
  if (source !== undefined && !known)
    report.error(
      source,
      'dangling_from',
      streams.has(source.text) ? `${source.shown} is a query; labels come from a source of analyze.` : `There is no source ${source.shown} in analyze.`,
      didYouMean(
        source.text,
        plan.sources.map(({ id }) => id),
      ),
    );
  if (source !== undefined && at.on === undefined)
    report.error(headOf(node), 'missing_key', 'Labels of another source need on: the columns that find them.', 'Add on: tx_id.');
  if (source === undefined && at.on !== undefined)
    report.error(headOf(at.on), 'unknown_key', 'on goes with source.', 'Remove it, or name the source of the labels.');
  const unknown: Column = { name: field.text, type: { kind: 'BOOLEAN' }, nullable: true, slot: field.text };
  if (given === null || !known) return { source: source?.text ?? null, on: [], field: unknown, knownAfter };
  const column = columnNamed(field, given, report);
  if (column !== undefined && !isFeature(column))
    report.error(
      field,
      'type_error',
      `The label ${field.shown} is ${typeSql(column.type)}; it has to be BOOLEAN, or a number that is 0 or 1.`,
      'Use another column.',
    );
  const pairs = source === undefined ? [] : joined(on, stream, given, report);
  return { source: source?.text ?? null, on: pairs, field: column ?? unknown, knownAfter };
}

function joined(on: readonly ScalarNode[], train: BatchStream, labels: BatchStream, report: Report): (readonly [Column, Column])[] {
  keyColumns(on, train, report);
  return on.flatMap((node) => {
    const left = columnOf(train.columns, node.text);
    const right = columnNamed(node, labels, report);
    if (left === undefined || right === undefined) return [];
    if (!sameKeys(left.type, right.type))
      report.error(
        node,
        'type_error',
        `${node.shown} is ${typeSql(left.type)} in ${train.id} and ${typeSql(right.type)} in ${labels.id}: no label would be found.`,
        'Make the types alike in the schemas.',
      );
    return [[left, right] as const];
  });
}

function planEvaluate(read: Read<typeof evaluateFields> | undefined, stream: BatchStream, report: Report): ModelPlan['evaluate'] {
  if (read === undefined) return { card: null, alertsPerDay: 100 };
  const { card, alerts_per_day: alertsPerDay } = read.values;
  const [column = null] = card === undefined ? [] : keyColumns([card], stream, report);
  return { card: column, alertsPerDay };
}
