import type { SchemaRegistry } from './registry.ts';

/** A topic and the schema that somebody writes it with, or wants to read it as. */
export interface TopicSchema {
  readonly topic: string;
  readonly schema: unknown;
}

/**
 * Settles the Avro schemas of a pipeline before anything of it starts: first all that is read and written is checked, then what is written is
 * registered. Gives the id of each topic that is written. Throws `MillraceError` schema_incompatible, registry_unreachable, registry_refused.
 */
export async function settleSchemas(registry: SchemaRegistry, written: readonly TopicSchema[], read: readonly TopicSchema[]): Promise<Record<string, number>> {
  for (const { topic, schema } of written) await registry.checkWriter(subjectOf(topic), schema);
  for (const { topic, schema } of read) if (!written.some((own) => own.topic === topic)) await registry.checkReader(subjectOf(topic), schema);
  const ids: Record<string, number> = {};
  for (const { topic, schema } of written) ids[topic] = await registry.register(subjectOf(topic), schema);
  return ids;
}

/** the name of a topic's values in a registry, as Confluent's serializers name it */
function subjectOf(topic: string): string {
  return `${topic}-value`;
}
