import { stateOf } from '@millrace/analyzer/batch/checkpoint.ts';
import { TRAINING } from '@millrace/analyzer/batch/words.ts';
import type { ModelPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type Model, parseModel } from '@millrace/shared-schemas/model.ts';
import { decisionOf, type ModelDecision, modelKey, modelsTopic } from '@millrace/shared-schemas/model-decision.ts';
import { readToEnd } from '@millrace/transport/read-to-end.ts';
import { checkFile, FindingsError } from '../checked.ts';
import type { Call, OptionSpec } from '../command.ts';
import { promotions } from './promotions.ts';
import { type ModelStore, openModels } from './store.ts';

/** characters of a hash that people are shown */
export const SHOWN = 12;

export const modelOptions: readonly OptionSpec[] = [
  { flags: '--model <name>', doc: 'only this model of the file' },
  { flags: '--data-dir <dir>', doc: 'the data directory it ran on (default: .millrace/<name> beside the file)' },
  { flags: '--profile <profile>', doc: 'the profile it ran with, a name under profiles/, or a path: models are on the brokers it names, or in its directory' },
];

/** A model that was trained. */
export interface KnownModel {
  readonly hash: string;
  readonly model: Model;
  readonly inForce: boolean;
}

/** The trained models of a pipeline and what was decided about them, in its data directory or on its cluster. */
export class Registry {
  readonly store: ModelStore;
  readonly plan: Plan;
  readonly #only: string | undefined;

  private constructor(store: ModelStore, plan: Plan, only: string | undefined) {
    this.store = store;
    this.plan = plan;
    this.#only = only;
  }

  /** Runs `work` on the registry that the call names. Throws model_unknown for `--model`, `FindingsError`, or as `openModels` does. */
  static async use(call: Call, work: (registry: Registry) => Promise<number>): Promise<number> {
    const { host } = call;
    const [file] = call.args;
    const { findings, plan } = await checkFile(host, file);
    if (plan === null) throw new FindingsError(findings);
    const only = call.text('model');
    const names = plan.models.map(({ id }) => id);
    if (only !== undefined && !names.includes(only)) throw await unknown(`There is no model ${only} in ${file}.`, only, names);
    const store = await openModels(call, file, plan);
    try {
      return await work(new Registry(store, plan, only));
    } finally {
      await store.close();
    }
  }

  /** by name, then by training boundary; those trained outside last */
  async models(): Promise<KnownModel[]> {
    const prefix = modelKey(this.plan.name, '');
    const inForce = new Set(await Promise.all(this.plan.models.map(({ id }) => this.inForce(id))));
    return (await this.store.entries(prefix))
      .map(([key, bytes]) => ({ hash: key.slice(prefix.length), model: parseModel(Buffer.from(bytes).toString()) }))
      .filter(({ model }) => this.#only === undefined || model.name === this.#only)
      .map(({ hash, model }) => ({ hash, model, inForce: inForce.has(hash) }))
      .sort((a, b) => compare(a.model.name, b.model.name) || (a.model.boundary ?? Infinity) - (b.model.boundary ?? Infinity) || compare(a.hash, b.hash));
  }

  /** in their order, of one model */
  async decisions(name: string): Promise<ModelDecision[]> {
    const topic = modelsTopic(this.plan.name);
    const { log } = this.store;
    if (log.topic(topic) === null) return [];
    const decisions: ModelDecision[] = [];
    const reader = log.reader(topic, 0, { offset: 0 });
    await readToEnd(log, topic, 0, reader, (view) => {
      for (let i = 0; i < view.count; i++) {
        const decision = view.valueEnd[i] < 0 ? null : decisionOf(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
        if (decision?.model === name) decisions.push(decision);
      }
    });
    reader.close();
    return decisions;
  }

  /** hash of the model promoted last; null before the first */
  async inForce(name: string): Promise<string | null> {
    return promotions(await this.decisions(name)).at(-1) ?? null;
  }

  /** The model whose hash begins so. Throws model_unknown when there is none, or several. */
  async find(prefix: string): Promise<KnownModel> {
    const models = await this.models();
    const found = models.filter(({ hash }) => hash.startsWith(prefix.toLowerCase()));
    const [only] = found;
    if (found.length === 1) return only;
    const shown = (all: readonly KnownModel[]): string[] => all.map(({ hash }) => hash.slice(0, SHOWN));
    if (found.length > 1)
      throw new MillraceError('model_unknown', `${found.length} models begin with ${prefix}: ${shown(found).join(', ')}.`, { hint: 'Give more of the hash.' });
    if (models.length === 0) throw new MillraceError('model_unknown', 'No model was trained here yet.', { hint: 'Run the pipeline past a training boundary.' });
    throw await unknown(`No model begins with ${prefix}.`, prefix.slice(0, SHOWN), shown(models));
  }

  /** Promotes by hand. A pipeline that runs takes it at once, one that does not when it starts. */
  async promote(name: string, hash: string, reason: string, now: number): Promise<void> {
    const topic = modelsTopic(this.plan.name);
    const { log } = this.store;
    await log.ensure(topic, 1, { format: 'json' });
    const decision: ModelDecision = { model: name, boundary: null, trained: null, promoted: hash, reason };
    const value = Buffer.from(JSON.stringify(decision));
    const key = Buffer.from(name);
    const out = log.appender(topic);
    let pos = out.begin(0, now, key, 0, key.length);
    while (out.buffer.length - pos < value.length) pos = out.grow();
    value.copy(out.buffer, pos);
    out.end(pos + value.length);
    await this.store.append(out);
  }

  /** what the file says of a model. Throws model_unknown */
  async planned(name: string): Promise<ModelPlan> {
    const found = this.plan.models.find(({ id }) => id === name);
    if (found) return found;
    const names = this.plan.models.map(({ id }) => id);
    throw await unknown(`The model ${name} is not in the pipeline file any more.`, name, names);
  }

  /** The analyzer's saved state of what it trains: what models learn from and are judged on, as of its last batch. */
  async training(): Promise<Iterable<readonly [key: string, value: Uint8Array]>> {
    const prefix = stateOf(this.plan.name, TRAINING);
    return (await this.store.entries(prefix)).map(([key, value]) => [key.slice(prefix.length), value] as const);
  }

  /** the model that is meant when there is no hash. Throws wrong_usage where there are several */
  name(): string {
    const names = this.plan.models.map(({ id }) => id);
    if (this.#only !== undefined) return this.#only;
    if (names.length === 1) return names[0];
    if (names.length === 0) throw new MillraceError('model_unknown', 'The pipeline file has no models.', { hint: 'Add models: to it.' });
    throw new MillraceError('wrong_usage', `The file has several models: ${names.join(', ')}.`, { hint: `Pass one of them, such as --model ${names[0]}.` });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function unknown(message: string, written: string, names: readonly string[]): Promise<MillraceError> {
  const { didYouMean } = await import('@millrace/pipeline/suggest.ts');
  const hint = didYouMean(written, names);
  return new MillraceError('model_unknown', message, hint === undefined ? {} : { hint });
}
