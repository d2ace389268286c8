import type { CommandSpec } from '../command.ts';
import { logOptions, openLogs } from '../logs/open-logs.ts';
import { formatOf, isInternal } from '../logs/topics.ts';
import { styleFor } from '../output/color.ts';
import { count } from '../output/numbers.ts';
import { renderTable } from '../output/table.ts';

export const topicListCommand: CommandSpec = {
  name: 'topic list',
  summary: 'list the topics of a data directory, or of a cluster',
  doc: 'On Kafka every transaction takes an offset of its own, which is counted as a record here.',
  args: [],
  options: [...logOptions, { flags: '--internal', doc: 'list the exchanges between stages too' }],
  examples: ['millrace topic list --data-dir .millrace/shop', 'millrace topic list --profile kafka'],
  async run(call) {
    const { host } = call;
    const { log, dataDir, place, close } = await openLogs(call, false);
    try {
      const shown = log.topics().filter((topic) => call.flag('internal') || !isInternal(topic));
      const topics = await Promise.all(
        shown.map(async (topic) => {
          const range = async (p: number) => ({ start: await log.startOffset(topic.name, p), end: await log.endOffset(topic.name, p) });
          const partitions = await Promise.all(Array.from({ length: topic.partitions }, (_, p) => range(p)));
          return {
            name: topic.name,
            format: formatOf(topic),
            internal: isInternal(topic),
            records: partitions.reduce((sum, { start, end }) => sum + end - start, 0),
            partitions,
          };
        }),
      );
      if (call.json) await host.stdout.write(`${JSON.stringify({ ...(dataDir === null ? { brokers: place } : { data_dir: dataDir }), topics })}\n`);
      else if (topics.length === 0) await host.stdout.write(`${place} holds no topics\n`);
      else {
        const rows = topics.map(({ name, format, internal, records, partitions }) => [
          name,
          internal ? 'exchange' : format,
          String(partitions.length),
          count(records),
        ]);
        const columns = [
          { title: 'topic' },
          { title: 'format' },
          { title: 'partitions', align: 'right' as const },
          { title: 'records', align: 'right' as const },
        ];
        await host.stdout.write(`${renderTable(columns, rows, styleFor(host.stdout, host.env)).join('\n')}\n`);
      }
      return 0;
    } finally {
      await close();
    }
  },
};
