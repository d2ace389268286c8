import type { ConsoleSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { rowOf } from '@millrace/shared-schemas/testing.ts';
import type { Column, SqlType } from '@millrace/shared-schemas/types.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { describe, expect, it } from 'vitest';
import { openSink } from './list.ts';
import type { Screen } from './screen.ts';
import { type CaseRow, caseColumns, type SinkMedium, sinkCases } from './sink.case.ts';
import type { Sink } from './sink.ts';

const base = { type: 'console', id: 'screen', order: 0, from: 'in', where: null, mode: 'append', onError: 'dead_letter' } as const;
const { log } = openMemory();

function open(screen: Screen, more: Partial<ConsoleSinkPlan> = {}): Sink {
  return openSink({ ...base, columns: caseColumns, limit: 20, ...more }, { wall: () => 0, screen }, { seqs: [], length: 0 }, log, {});
}

interface Shown {
  readonly event: string;
  readonly batch: number;
  readonly rows: CaseRow[];
}

/** A batch shown twice, by two processes, is the same batch to who reads the numbers. */
function medium(): SinkMedium {
  const lines: string[] = [];
  const screen: Screen = { json: true, write: (line) => void lines.push(line) };
  return {
    open: () => open(screen),
    commit: () => {},
    rows() {
      const shown = lines.map((line) => JSON.parse(line) as Shown);
      return [...new Map(shown.map((each) => [each.batch, each.rows])).values()].flat();
    },
    remove: () => {},
  };
}

sinkCases('console', medium, { takesAll: true });

describe('a console', () => {
  const type = (kind: string): SqlType => ({ kind }) as SqlType;
  const columns: Column[] = [
    { name: 'card', slot: 'a', type: type('VARCHAR'), nullable: true },
    { name: 'total', slot: 'b', type: { kind: 'DECIMAL', width: 9, scale: 2 }, nullable: true },
    { name: 'at', slot: 'c', type: type('TIMESTAMP'), nullable: true },
    { name: 'tags', slot: 'd', type: { kind: 'LIST', of: type('VARCHAR') }, nullable: true },
  ];
  const rows = [
    { a: 'x\u001b[2J', b: 1250, c: 0, d: ['p'] },
    { a: null, b: -5, c: null, d: null },
    { a: 'third', b: 0, c: 0, d: [] },
  ];

  async function shown(json: boolean, limit: number): Promise<string> {
    const texts: string[] = [];
    const sink = open({ json, write: (text) => void texts.push(text) }, { columns, limit });
    for (const row of rows) sink.add(rowOf(row), 0);
    const taken = sink.take() as Uint8Array;
    await sink.deliver(7, taken);
    await sink.deliver(7, taken);
    return texts.join('');
  }

  it('shows a table of the first rows under the number of the batch', async () => {
    expect(await shown(false, 2)).toBe(
      [
        'Batch 7 of screen',
        'card   total  at                        tags',
        '-----  -----  ------------------------  -----',
        'x␛[2J  12.50  1970-01-01T00:00:00.000Z  ["p"]',
        'NULL   -0.05  NULL                      NULL',
        '… and 1 more',
        '',
        '',
      ].join('\n'),
    );
    expect(await shown(false, 3)).not.toContain('more');
  });

  it('shows a line a batch where JSON is asked for', async () => {
    expect(JSON.parse(await shown(true, 1))).toEqual({
      event: 'rows',
      sink: 'screen',
      batch: 7,
      rows: [{ card: 'x\u001b[2J', total: 12.5, at: 0, tags: ['p'] }],
      more: 2,
    });
  });
});
