import type { ParsedSchema } from '../avro.ts';
import type { Compatibility } from './evolution.ts';

/**
 * Where schemas get their numbers. A subject (`<topic>-value`) has versions 1, 2, 3 …; each version names a schema by its id;
 * the same schema has one id under all subjects. `file.ts` keeps it in a data directory.
 */
export interface SchemaRegistry {
  /** The id of the schema, made the subject's next version unless it is one already. Throws `MillraceError` schema_incompatible, naming what breaks. */
  register(subject: string, schema: unknown, compatibility?: Compatibility): number;
  /** null when no schema has that id */
  byId(id: number): ParsedSchema | null;
  /** ids by version, ascending; empty for a subject nobody registered */
  versions(subject: string): number[];
}
