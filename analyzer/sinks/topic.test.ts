import type { TopicSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { expect } from 'vitest';
import { ANALYZER_WRITER } from '../writer.ts';
import { openSink } from './list.ts';
import { type CaseRow, caseColumns, caseSchema, type SinkMedium, sinkCases } from './sink.case.ts';

const plan: TopicSinkPlan = {
  type: 'topic',
  id: 'out',
  order: 0,
  from: 'in',
  where: null,
  mode: 'append',
  onError: 'dead_letter',
  columns: caseColumns,
  topic: 'rows',
  format: 'json',
  schema: caseSchema(true),
  key: caseColumns.filter(({ name }) => name === 'day'),
};

function read({ log }: MemoryTransport): CaseRow[] {
  const rows: CaseRow[] = [];
  const header = new HeaderReader();
  for (let p = 0; p < 3; p++) {
    const reader = log.reader('rows', p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++) {
        rows.push(JSON.parse(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])));
        expect(header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)).toBe(true);
        // one writer numbers the records of each partition without gaps, whatever crashed
        expect([header.writer, header.seq, header.eventTime]).toEqual([ANALYZER_WRITER, (view.offsets[i] as number) + 1, 1000]);
        expect(view.timestamps[i]).toBe(5);
      }
    }
  }
  return rows;
}

function medium(): SinkMedium {
  const transport = openMemory();
  // done on return, in memory
  void transport.log.ensure('rows', 3);
  return {
    open: (core) => openSink(plan, { wall: () => 5 }, core, transport.log, {}),
    commit: (appenders) => transport.commit({ appenders, puts: [] }),
    rows: () => read(transport),
    remove: () => {},
  };
}

sinkCases('topic', medium);
