import type { AnalyzeSourcePlan } from '@millrace/pipeline/analyze/plan.ts';
import type { Log } from '@millrace/transport/log.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { expect, test } from 'vitest';
import { freshSource, Source, type SourceHost } from './source.ts';

const plan = {
  topic: 'scored',
  output: null,
  format: 'json',
  schema: { type: 'record', name: 'R', fields: [] },
  columns: [],
  eventTime: null,
} as unknown as AnalyzeSourcePlan;

test('records are looked up through one reader a partition, which ends with the source', async () => {
  const { log } = openMemory();
  await log.ensure('scored', 2);
  let open = 0;
  const counted: Pick<Log, 'topic' | 'startOffset' | 'reader'> = {
    topic: (name) => log.topic(name),
    startOffset: (topic, partition) => log.startOffset(topic, partition),
    reader(topic, partition, from) {
      open++;
      const reader = log.reader(topic, partition, from);
      const close = reader.close.bind(reader);
      reader.close = () => {
        open--;
        close();
      };
      return reader;
    },
  };
  const source = await Source.open(plan, freshSource(), 0, { log: counted } as unknown as SourceHost);
  const reading = open;
  for (let offset = 0; offset < 1000; offset++) expect(source.lookup(offset % 2, offset)).toBeNull();
  expect(open).toBe(reading + 2);
  source.close();
  expect(open).toBe(0);
});
