import type { ParsedSchema } from '../avro.ts';
import type { Compatibility } from './evolution.ts';

/**
 * Where schemas get their numbers. A subject (`<topic>-value`) has versions 1, 2, 3 …; each version names a schema by its id;
 * the same schema has one id under all subjects. `file.ts` keeps it in a data directory, `confluent.ts` asks a server.
 *
 * The record path never waits for a registry: `byId` answers from what is at hand, and whoever hands out records sees to it
 * beforehand that their ids are (`transport/schemareader.ts`; docs/decisions/0010-registry.md).
 */
export interface SchemaRegistry {
  /**
   * The id of the schema, made the subject's next version unless it is one already. `compatibility` is what a registry asks for that has no
   * rule of its own. Throws `MillraceError` schema_incompatible, naming what breaks; registry_unreachable, registry_refused.
   */
  register(subject: string, schema: unknown, compatibility?: Compatibility): number | Promise<number>;
  /** Throws schema_incompatible when `register` would: for several subjects, before the first of them changes. */
  checkWriter(subject: string, schema: unknown): void | Promise<void>;
  /**
   * Throws schema_incompatible when records of the subject's newest version cannot be read as `schema`, naming what breaks. A subject that nobody
   * registered says nothing. For whoever reads a topic, before it starts.
   */
  checkReader(subject: string, schema: unknown): void | Promise<void>;
  /** The schema of an id; null when none has it, or it is not at hand. Throws `MillraceError` schema_invalid, union_unsupported when it is none that we can read. */
  byId(id: number): ParsedSchema | null;
  /** whether `byId` says all there is to say of an id */
  knows(id: number): boolean;
  /** Brings an id at hand. Throws `MillraceError` registry_unreachable, registry_refused. */
  fetch(id: number): Promise<void>;
}
