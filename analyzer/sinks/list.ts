import type { SinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Log } from '@millrace/transport/log.ts';
import { AppendedFileSink } from './appended-file.ts';
import { ConsoleSink } from './console.ts';
import { PartFilesSink } from './part-files.ts';
import { ReplacedFileSink } from './replaced-file.ts';
import { stdoutScreen } from './screen.ts';
import type { Sink, SinkCore, SinkHost } from './sink.ts';
import { TopicSink } from './topic.ts';

/** Opens a sink; its topic exists. `schemaIds`: id in the registry by topic, of Avro's. */
export function openSink(plan: SinkPlan, host: SinkHost, core: SinkCore, log: Log, schemaIds: Readonly<Record<string, number>>): Sink {
  switch (plan.type) {
    case 'topic':
      return new TopicSink(plan, host, core, log.appender(plan.topic), schemaIds[plan.topic]);
    case 'file':
      if (plan.format === 'parquet' || plan.partitionBy.length > 0) return new PartFilesSink(plan, core);
      return plan.mode === 'complete' ? new ReplacedFileSink(plan, core) : new AppendedFileSink(plan, core);
    case 'console':
      return new ConsoleSink(plan, host.screen ?? stdoutScreen);
  }
}
