import { createHash } from 'node:crypto';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Column } from './types.ts';

/**
 * A trained model as it lies in the ledger and on the topic of models: plain JSON with full doubles. Models are named by
 * their hash (`modelHash`), which leaves out `metrics`: those come later, when the next window has been judged.
 */
export interface Model {
  readonly format: 1;
  readonly type: 'logistic_regression';
  readonly name: string;
  readonly features: readonly string[];
  /** `featureFingerprint` of the columns it was trained on */
  readonly schema: string;
  /** log-odds of a row of zeros; with `coefficients` on the features' own scale, so scoring needs no scaler */
  readonly intercept: number;
  /** log-odds per unit of each feature, in the order of `features` */
  readonly coefficients: readonly number[];
  /** what the features were standardised with in training (population std; 0 for a constant column); null: they were not */
  readonly scaler: { readonly mean: readonly number[]; readonly std: readonly number[] } | null;
  /** score from which a row counts as positive; null: nobody chose one */
  readonly threshold: number | null;
  readonly training: ModelTraining;
  readonly metrics: ModelMetrics | null;
  /** hash of the model in force when this one was trained */
  readonly parent: string | null;
  /** training boundary, epoch ms; null for one trained outside a pipeline */
  readonly boundary: number | null;
}

interface ModelTraining {
  /** event times [from, to), epoch ms */
  readonly from: number;
  readonly to: number;
  /** rows used; those with a NULL or no finite feature are not among them */
  readonly rows: number;
  readonly positives: number;
  readonly l2: number;
  readonly l1: number;
  readonly class_weight: 'none' | 'balanced';
  readonly standardize: boolean;
  readonly iterations: number;
  readonly converged: boolean;
  readonly engine: string;
}

/** Names as `millrace model evaluate --json` prints them. null where the rows do not define it (one class, no card column …). */
export interface ModelMetrics {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly positives: number;
  readonly auc_roc: number | null;
  readonly average_precision: number | null;
  readonly card_precision_at_k: number | null;
  readonly k: number;
  readonly log_loss: number | null;
  readonly brier: number | null;
}

/** sha256 over canonical JSON of everything but the metrics, hex. */
export function modelHash(model: Model): string {
  const { metrics: _, ...rest } = model;
  return sha256(canonical(rest));
}

/** sha256 of the feature columns' names and types, in order, hex. */
export function featureFingerprint(columns: readonly Pick<Column, 'name' | 'type'>[]): string {
  return sha256(canonical(columns.map(({ name, type }) => ({ name, type }))));
}

/** The model as one line of JSON, its hash with it. */
export function modelText(model: Model): string {
  return canonical({ ...model, hash: modelHash(model) });
}

/** Reads what `modelText` wrote. @throws MillraceError model_invalid on another format, a missing part or a hash that does not fit. */
export function parseModel(json: string): Model {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch (cause) {
    throw new MillraceError('model_invalid', `the model is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(read)) throw new MillraceError('model_invalid', 'the model is no JSON object');
  if (read.format !== 1) throw new MillraceError('model_invalid', `the model has format ${JSON.stringify(read.format)}, this version reads format 1`);
  const fault = faultOf(read);
  if (fault !== undefined) throw new MillraceError('model_invalid', `the model's ${fault}`);
  const { hash, ...model } = read as unknown as Model & { readonly hash: unknown };
  const now = modelHash(model);
  if (hash !== now) throw new MillraceError('model_invalid', `the model ${model.name} was changed: it says hash ${JSON.stringify(hash)} and has ${now}`);
  return model;
}

/**
 * Probability of a positive row: sigmoid of the intercept plus the dot product in the order of `features`. Both stages score
 * through this one function, so they agree to the bit. A NaN or infinite feature gives NaN at best: callers score such a row NULL.
 */
export function linearScore(model: Pick<Model, 'intercept' | 'coefficients'>, features: Float64Array): number {
  const { coefficients } = model;
  let z = model.intercept;
  for (let i = 0; i < coefficients.length; i++) z += coefficients[i] * features[i];
  // exp never overflows: each branch takes it of a number ≤ 0
  if (z >= 0) return 1 / (1 + Math.exp(-z));
  const e = Math.exp(z);
  return e / (1 + e);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON with keys in code unit order and no blanks. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) : part,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumbers = (value: unknown, length: number): boolean => Array.isArray(value) && value.length === length && value.every(isNumber);
const orNull = (check: (value: unknown) => boolean): ((value: unknown) => boolean) => {
  return (value) => value === null || check(value);
};

const TRAINING: Readonly<Record<keyof ModelTraining, (value: unknown) => boolean>> = {
  from: isNumber,
  to: isNumber,
  rows: isNumber,
  positives: isNumber,
  l2: isNumber,
  l1: isNumber,
  class_weight: (value) => value === 'none' || value === 'balanced',
  standardize: (value) => typeof value === 'boolean',
  iterations: isNumber,
  converged: (value) => typeof value === 'boolean',
  engine: isText,
};

const METRICS: Readonly<Record<keyof ModelMetrics, (value: unknown) => boolean>> = {
  from: isNumber,
  to: isNumber,
  rows: isNumber,
  positives: isNumber,
  auc_roc: orNull(isNumber),
  average_precision: orNull(isNumber),
  card_precision_at_k: orNull(isNumber),
  k: isNumber,
  log_loss: orNull(isNumber),
  brier: orNull(isNumber),
};

/** The first part that is not as `Model` says, as `name …`. */
function faultOf(read: Record<string, unknown>): string | undefined {
  const { features } = read;
  if (!Array.isArray(features) || features.length === 0 || !features.every(isText)) return 'features are no list of names';
  const checks: Readonly<Record<Exclude<keyof Model, 'format' | 'features'>, (value: unknown) => boolean>> = {
    type: (value) => value === 'logistic_regression',
    name: isText,
    schema: isText,
    intercept: isNumber,
    coefficients: (value) => isNumbers(value, features.length),
    scaler: orNull((value) => isObject(value) && isNumbers(value.mean, features.length) && isNumbers(value.std, features.length)),
    threshold: orNull(isNumber),
    training: (value) => fits(value, TRAINING),
    metrics: orNull((value) => fits(value, METRICS)),
    parent: orNull(isText),
    boundary: orNull(isNumber),
  };
  for (const [name, check] of Object.entries(checks)) if (!check(read[name])) return `${name} is missing or of the wrong kind`;
  return undefined;
}

function fits(value: unknown, checks: Readonly<Record<string, (value: unknown) => boolean>>): boolean {
  return isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));
}
