import type { Clock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type ParsedSchema, parseSchema } from '../avro.ts';
import { type Compatibility, incompatibilities } from './evolution.ts';
import type { SchemaRegistry } from './registry.ts';
import { type Refusal, RegistryRest, type RegistrySettings } from './rest.ts';

const SUBJECT_UNKNOWN = 40401;
const VERSION_UNKNOWN = 40402;
const SCHEMA_UNKNOWN = 40403;
const INCOMPATIBLE = 409;
/** that of the subject is not set */
const LEVEL_UNKNOWN = 40408;

/** ms after which an id that nobody had is asked for again: it may have been given since */
const FORGET = 60_000;
const MOST_UNKNOWN = 10_000;
const AT_ONCE = 8;

export interface ConfluentOptions extends RegistrySettings {
  readonly clock: Clock;
  /** ms for which a call is tried again before it is given up; default 30 s */
  readonly patience?: number;
}

/**
 * A registry that speaks Confluent's REST protocol. What it has said of an id never changes and is kept; that it has none is
 * believed for a minute. The level of compatibility is the registry's own.
 */
export class ConfluentRegistry implements SchemaRegistry {
  readonly #rest: RegistryRest;
  readonly #clock: Clock;
  /** an error: the schema is there, and none that we can read */
  readonly #schemas = new Map<number, ParsedSchema | MillraceError>();
  /** ids that nobody has, until when that is believed (`monotonic`) */
  readonly #unknown = new Map<number, number>();
  readonly #fetching = new Map<number, Promise<void>>();
  readonly #queue: (() => void)[] = [];
  #busy = 0;

  constructor({ patience = 30_000, ...settings }: ConfluentOptions) {
    this.#rest = new RegistryRest({ ...settings, patience });
    this.#clock = settings.clock;
  }

  async register(subject: string, schema: unknown): Promise<number> {
    const parsed = parseSchema(schema);
    const known = await this.#version(subject, schema);
    const answer = known ?? (await this.#rest.post(`/subjects/${encodeURIComponent(subject)}/versions`, { schema: JSON.stringify(schema) }));
    if ('refused' in answer) {
      if (answer.refused.status !== INCOMPATIBLE) throw refusal(subject, answer.refused);
      const latest = await this.latest(subject);
      const level = latest === null ? 'BACKWARD' : await this.#level(subject);
      const reasons = latest === null ? [] : incompatibilities(parsed, latest.schema, level);
      throw new MillraceError('schema_incompatible', `${subject}: ${reasons.length > 0 ? reasons.join('; ') : answer.refused.message}`);
    }
    const { id } = answer.ok as { id: number };
    this.#schemas.set(id, parsed);
    return id;
  }

  byId(id: number): ParsedSchema | null {
    const found = this.#schemas.get(id);
    if (found instanceof MillraceError) throw found;
    return found ?? null;
  }

  knows(id: number): boolean {
    return this.#schemas.has(id) || (this.#unknown.get(id) ?? Number.NEGATIVE_INFINITY) > this.#clock.monotonic();
  }

  fetch(id: number): Promise<void> {
    if (this.knows(id)) return Promise.resolve();
    let fetching = this.#fetching.get(id);
    if (fetching === undefined) {
      fetching = this.#ask(id).finally(() => this.#fetching.delete(id));
      this.#fetching.set(id, fetching);
    }
    return fetching;
  }

  /** A subject's newest version; null when nobody registered one. Throws as `byId` and `fetch` do. */
  async latest(subject: string): Promise<{ readonly id: number; readonly schema: ParsedSchema } | null> {
    const answer = await this.#rest.get(`/subjects/${encodeURIComponent(subject)}/versions/latest`);
    if ('refused' in answer) {
      if (isUnknown(answer.refused)) return null;
      throw refusal(subject, answer.refused);
    }
    const { id } = answer.ok as { id: number };
    this.#keep(id, answer.ok);
    return { id, schema: this.byId(id) as ParsedSchema };
  }

  async checkReader(subject: string, schema: unknown): Promise<void> {
    const latest = await this.latest(subject);
    const reasons = latest === null ? [] : incompatibilities(parseSchema(schema), latest.schema, 'BACKWARD');
    if (reasons.length > 0)
      throw new MillraceError('schema_incompatible', `${subject}, newest version: ${reasons.join('; ')}`, {
        hint: 'Change the schema of the source so that it reads what is written.',
      });
  }

  async checkWriter(subject: string, schema: unknown): Promise<void> {
    const parsed = parseSchema(schema);
    if ((await this.#version(subject, schema)) !== null) return;
    const answer = await this.#rest.post(`/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`, {
      schema: JSON.stringify(schema),
    });
    if ('refused' in answer) {
      if (isUnknown(answer.refused)) return;
      throw refusal(subject, answer.refused);
    }
    const { is_compatible: fine, messages } = answer.ok as { is_compatible: boolean; messages?: readonly string[] };
    if (fine) return;
    const latest = await this.latest(subject);
    const reasons = latest === null ? [] : incompatibilities(parsed, latest.schema, await this.#level(subject));
    throw new MillraceError(
      'schema_incompatible',
      `${subject}: ${(reasons.length > 0 ? reasons : (messages ?? ['the registry does not say why'])).join('; ')}`,
    );
  }

  /** The level of compatibility for subjects that have none of their own, as the registry calls it. Answers whether it is there at all. */
  async level(): Promise<string> {
    const answer = await this.#rest.get('/config');
    if ('refused' in answer) throw refusal('config', answer.refused);
    return String((answer.ok as { compatibilityLevel?: unknown }).compatibilityLevel);
  }

  /** the answer that names the schema's id, when it is a version of the subject already */
  async #version(subject: string, schema: unknown): Promise<{ ok: unknown } | null> {
    const answer = await this.#rest.post(`/subjects/${encodeURIComponent(subject)}`, { schema: JSON.stringify(schema) });
    if ('ok' in answer) return answer;
    if (isUnknown(answer.refused)) return null;
    throw refusal(subject, answer.refused);
  }

  async #level(subject: string): Promise<Compatibility> {
    const answer = await this.#rest.get(`/config/${encodeURIComponent(subject)}`);
    if ('refused' in answer && answer.refused.code !== LEVEL_UNKNOWN && !isUnknown(answer.refused)) throw refusal(subject, answer.refused);
    const level = 'ok' in answer ? String((answer.ok as { compatibilityLevel?: unknown }).compatibilityLevel) : await this.level();
    // of a transitive level the newest version is what we can name; who says NONE and refuses means the usual one
    const ours = level.replace('_TRANSITIVE', '');
    return ours === 'FORWARD' || ours === 'FULL' ? ours : 'BACKWARD';
  }

  async #ask(id: number): Promise<void> {
    // whoever ends hands its place on
    if (this.#busy < AT_ONCE) this.#busy++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      const answer = await this.#rest.get(`/schemas/ids/${id}`);
      if ('ok' in answer) this.#keep(id, answer.ok);
      else if (answer.refused.code === SCHEMA_UNKNOWN) this.#miss(id);
      else throw refusal(`schema ${id}`, answer.refused);
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  #keep(id: number, body: unknown): void {
    if (!(this.#schemas.get(id) instanceof MillraceError) && this.#schemas.has(id)) return;
    const { schema, schemaType, references } = body as { schema: string; schemaType?: string; references?: readonly unknown[] };
    this.#unknown.delete(id);
    try {
      if (schemaType !== undefined && schemaType !== 'AVRO') throw new MillraceError('schema_invalid', `schema ${id} is ${schemaType}, not Avro`);
      if (references !== undefined && references.length > 0) throw new MillraceError('schema_invalid', `schema ${id} refers to other schemas`);
      this.#schemas.set(id, parseSchema(JSON.parse(schema)));
    } catch (error) {
      this.#schemas.set(id, error instanceof MillraceError ? error : new MillraceError('schema_invalid', `schema ${id} is no JSON`));
    }
  }

  #miss(id: number): void {
    if (this.#unknown.size >= MOST_UNKNOWN) this.#unknown.clear();
    this.#unknown.set(id, this.#clock.monotonic() + FORGET);
  }
}

function isUnknown({ code }: Refusal): boolean {
  return code === SUBJECT_UNKNOWN || code === VERSION_UNKNOWN || code === SCHEMA_UNKNOWN;
}

function refusal(what: string, { status, code, message }: Refusal): MillraceError {
  return new MillraceError('registry_refused', `The registry refuses ${what}: ${message} (${status}, ${code}).`);
}
