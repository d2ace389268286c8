import { MillraceError } from '@millrace/runtime/errors.ts';
import type { CommandSpec } from '../command.ts';
import { logOptions, openLogs } from '../logs/open-logs.ts';
import { findTopic, formatOf } from '../logs/topics.ts';
import { styleFor } from '../output/color.ts';
import { stopOnSignal } from '../stop.ts';

export const topicCatCommand: CommandSpec = {
  name: 'topic cat',
  summary: 'print the records of a topic, Avro decoded',
  doc: 'Follows the log until Ctrl-C, or stops at its end with --until end. With --json one object a line: partition, offset, key, value (value_base64 where the bytes are no text) and, with --headers, headers.',
  args: [{ name: '<name>', doc: 'the topic' }],
  options: [
    ...logOptions,
    { flags: '--until <when>', doc: 'stop at the end that the log has now', choices: ['end'] },
    { flags: '--headers', doc: 'print headers too' },
    { flags: '--partition <n>', doc: 'only this partition', integer: true },
    { flags: '--from <offset>', doc: 'begin at this offset', integer: true },
    { flags: '--limit <n>', doc: 'stop after this many records', integer: true },
    { flags: '--internal', doc: 'print heartbeats too' },
  ],
  examples: [
    'millrace topic cat card.minutes --until end',
    'millrace topic cat shop.dead --headers --json --until end --data-dir .millrace/shop',
    'millrace topic cat card.minutes --profile kafka',
  ],
  async run(call) {
    const { host } = call;
    const { log, registry, close } = await openLogs(call, false);
    const stop = stopOnSignal(host);
    try {
      const topic = await findTopic(log, call.args[0]);
      const only = call.integer('partition');
      if (only !== undefined && only >= topic.partitions)
        throw new MillraceError('wrong_usage', `${topic.name} has no partition ${only}.`, { hint: `It has ${topic.partitions}, counted from 0.` });
      const { RecordPrinter } = await import('../logs/record-printer.ts');
      const { valuePrinter } = await import('../logs/values.ts');
      const { readTopic, withSchemas } = await import('../logs/read-topic.ts');
      const printer = new RecordPrinter({ headers: call.flag('headers'), internal: call.flag('internal'), value: valuePrinter(topic, registry) });
      const style = styleFor(host.stdout, host.env);
      let left = call.integer('limit') ?? Number.POSITIVE_INFINITY;
      if (left === 0) return 0;
      let text = '';
      await readTopic({
        log: formatOf(topic) === 'avro' ? withSchemas(log, registry) : log,
        topic: topic.name,
        partitions: only === undefined ? Array.from({ length: topic.partitions }, (_, i) => i) : [only],
        from: call.integer('from') ?? 0,
        untilEnd: call.text('until') === 'end',
        signal: stop.signal,
        take(batch, i) {
          if (left <= 0) return false;
          const line = call.json ? printer.json(batch, i) : printer.human(batch, i, style);
          if (line === null) return true;
          text += `${line}\n`;
          left--;
          return left > 0;
        },
        async drain() {
          const chunk = text;
          text = '';
          if (chunk !== '') await host.stdout.write(chunk);
        },
      });
      return 0;
    } finally {
      stop.dispose();
      await close();
    }
  },
};
