import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Log, TopicInfo } from '@millrace/transport/log.ts';

/** What the values of a topic are, as its meta key `format` says; `bytes` when it says nothing. */
export type TopicFormat = 'json' | 'avro' | 'bytes' | 'exchange';

export function formatOf(topic: TopicInfo): TopicFormat {
  const { format } = topic.meta;
  return format === 'json' || format === 'avro' || format === 'exchange' ? format : 'bytes';
}

/** Whether only millrace itself reads it: an exchange between two stages. */
export function isInternal(topic: TopicInfo): boolean {
  return topic.meta.internal === 'true' || topic.meta.format === 'exchange';
}

/** The topic of that name. Throws unknown_topic, with the nearest name there is. */
export async function findTopic(log: Log, name: string): Promise<TopicInfo> {
  const topic = log.topic(name);
  if (topic !== null) return topic;
  const { didYouMean } = await import('@millrace/pipeline/suggest.ts');
  const names = log
    .topics()
    .filter((info) => !isInternal(info))
    .map((info) => info.name);
  const hint = didYouMean(name, names);
  throw new MillraceError('unknown_topic', `There is no topic ${name}.`, hint === undefined ? {} : { hint });
}
