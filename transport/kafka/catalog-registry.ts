import { createHash } from 'node:crypto';
import type { Clock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type ParsedSchema, parseSchema } from '@millrace/shared-schemas/avro.ts';
import { type Compatibility, incompatibilities } from '@millrace/shared-schemas/registry/evolution.ts';
import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { Log } from '../log.ts';

/** how long an id that nobody has is waited for, ms: others' facts come every few seconds; and how long it is then believed that nobody has it */
const PATIENCE = 5_000;
const FORGET = 60_000;
const LATEST = 'schema.latest';

/**
 * The schemas of a cluster that has no registry: with the facts of their topics, so that every machine finds them. A schema's id follows from the schema, so that two machines
 * that have never heard of each other give it the same one. A subject `<topic>-value` belongs to a topic that is there.
 */
export class CatalogRegistry implements SchemaRegistry {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #local: Pick<SchemaRegistry, 'byId'> | null;
  readonly #byId = new Map<number, ParsedSchema>();
  /** ids that nobody has, until when that is believed (`monotonic`) */
  readonly #unknown = new Map<number, number>();

  /** `local`: where ids are looked up that the catalog does not have: those of a data directory, which others may write with */
  constructor(log: Log, clock: Clock, local: Pick<SchemaRegistry, 'byId'> | null = null) {
    this.#log = log;
    this.#local = local;
    this.#clock = clock;
  }

  async register(subject: string, schema: unknown, compatibility: Compatibility = 'BACKWARD'): Promise<number> {
    const parsed = parseSchema(schema);
    const { name, partitions, meta } = this.#topic(subject);
    const id = idOf(parsed);
    const place = placeOf(id);
    if (meta[place] === undefined) {
      this.#compare(subject, parsed, compatibility);
      await this.#log.ensure(name, partitions, { [place]: JSON.stringify(parsed.json), [LATEST]: String(id) });
    }
    this.#byId.set(id, parsed);
    return id;
  }

  checkWriter(subject: string, schema: unknown): void {
    const parsed = parseSchema(schema);
    if (this.#topic(subject).meta[placeOf(idOf(parsed))] === undefined) this.#compare(subject, parsed, 'BACKWARD');
  }

  checkReader(subject: string, schema: unknown): void {
    this.#compare(subject, parseSchema(schema), 'BACKWARD');
  }

  #compare(subject: string, parsed: ParsedSchema, compatibility: Compatibility): void {
    const latest = this.#topic(subject).meta[LATEST];
    const previous = latest === undefined ? null : this.byId(Number(latest));
    const reasons = previous === null ? [] : incompatibilities(parsed, previous, compatibility);
    if (reasons.length > 0) throw new MillraceError('schema_incompatible', `${subject}: ${reasons.join('; ')}`);
  }

  byId(id: number): ParsedSchema | null {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const place = placeOf(id);
    const text = this.#log.topics().find(({ meta }) => meta[place] !== undefined)?.meta[place];
    if (text === undefined) return this.#local?.byId(id) ?? null;
    const parsed = parseSchema(JSON.parse(text));
    this.#byId.set(id, parsed);
    return parsed;
  }

  knows(id: number): boolean {
    return this.#byId.has(id) || (this.#unknown.get(id) ?? Number.NEGATIVE_INFINITY) > this.#clock.monotonic() || this.byId(id) !== null;
  }

  async fetch(id: number): Promise<void> {
    const since = this.#clock.monotonic();
    while (this.byId(id) === null) {
      const now = this.#clock.monotonic();
      if (now - since > PATIENCE) {
        this.#unknown.set(id, now + FORGET);
        return;
      }
      await this.#log.wait(100);
    }
  }

  #topic(subject: string): ReturnType<Log['topics']>[number] {
    const name = subject.replace(/-value$/, '');
    const topic = this.#log.topic(name);
    if (topic === null) throw new MillraceError('unknown_topic', `There is no topic ${name}.`);
    return topic;
  }
}

/** 1 to 2^31 − 1, from the canonical form */
function idOf(schema: ParsedSchema): number {
  return createHash('sha256').update(schema.canonical).digest().readUInt32BE(0) >>> 1 || 1;
}

function placeOf(id: number): string {
  return `schema.${id}`;
}
