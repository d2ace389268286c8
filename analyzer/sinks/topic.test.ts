import type { TopicSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
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
  for (let p = 0; p < 3; p++) {
    const reader = log.reader('rows', p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20)) {
      for (let i = 0; i < view.count; i++) rows.push(JSON.parse(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])));
    }
  }
  return rows;
}

function medium(): SinkMedium {
  const transport = openMemory();
  transport.log.ensure('rows', 3);
  return {
    open: (core) => openSink(plan, { wall: () => 5 }, core, transport.log, {}),
    commit: (appenders) => transport.commit({ appenders, puts: [] }),
    rows: () => read(transport),
    remove: () => {},
  };
}

sinkCases('topic', medium);
