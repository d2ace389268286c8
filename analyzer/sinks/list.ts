import type { SinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Log } from '@millrace/transport/log.ts';
import { FileLinesSink } from './file-lines.ts';
import type { Sink, SinkCore, SinkHost } from './sink.ts';
import { TopicSink } from './topic.ts';

/** Opens a sink; its topic exists. `schemaIds`: id in the registry by topic, of Avro's. */
export function openSink(plan: SinkPlan, host: SinkHost, core: SinkCore, log: Log, schemaIds: Readonly<Record<string, number>>): Sink {
  switch (plan.type) {
    case 'topic':
      return new TopicSink(plan, host, core, log.appender(plan.topic), schemaIds[plan.topic]);
    case 'file':
      if (plan.format === 'json' && plan.partitionBy.length === 0 && plan.mode !== 'complete') return new FileLinesSink(plan, core);
      throw new Error(`sink ${plan.id}: files of this kind cannot be written yet`);
    case 'console':
      throw new Error(`sink ${plan.id}: the console cannot be written to yet`);
  }
}
