/**
 * What became of a training boundary, or of a promotion by hand: a record of the topic `modelsTopic`, JSON, key: the model's name.
 * `trained` and `promoted` are hashes of models that lie in the ledger under `modelKey` before the decision names them.
 */
export interface ModelDecision {
  readonly model: string;
  /** event time, epoch ms; null: by hand */
  readonly boundary: number | null;
  readonly trained: string | null;
  /** null: the model in force stays */
  readonly promoted: string | null;
  readonly reason: string;
}

/** One partition, kept whole: the decisions of a pipeline in their order. */
export function modelsTopic(pipeline: string): string {
  return `${pipeline}.models`;
}

/** Where in the ledger the text of a model lies (`modelText`). */
export function modelKey(pipeline: string, hash: string): string {
  return `model/${encodeURIComponent(pipeline)}/${hash}`;
}

/** Reads a record of that topic; null when it is no decision. */
export function decisionOf(text: string): ModelDecision | null {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof read !== 'object' || read === null) return null;
  const { model, boundary, trained, promoted, reason } = read as Record<string, unknown>;
  const hashes = [trained, promoted].every((hash) => hash === null || typeof hash === 'string');
  if (typeof model !== 'string' || typeof reason !== 'string' || !hashes || !(boundary === null || Number.isFinite(boundary))) return null;
  return read as ModelDecision;
}
