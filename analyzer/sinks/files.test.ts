import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { FileSinkPlan } from '@millrace/pipeline/analyze/plan.ts';
import { csvCells, csvRecordEnd } from '@millrace/shared-schemas/csv/split.ts';
import { rowOf } from '@millrace/shared-schemas/testing.ts';
import type { Column, Row, SqlType } from '@millrace/shared-schemas/types.ts';
import { ParquetFile } from '@millrace/transport/connectors/parquet-file.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryOf } from './durable-file.ts';
import { openSink } from './list.ts';
import { partName } from './part-directory.ts';
import { type CaseRow, caseColumns, caseSchema, type SinkCaseOptions, type SinkMedium, sinkCases } from './sink.case.ts';
import type { Sink, SinkCore } from './sink.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-sinks-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let made = 0;
const log = openMemory().log;

function plan(path: string, more: Partial<FileSinkPlan>): FileSinkPlan {
  const base = { type: 'file', id: 'out', order: 0, from: 'in', where: null, mode: 'append', onError: 'dead_letter', columns: caseColumns } as const;
  return { ...base, path, format: 'json', schema: null, partitionBy: [], ...more };
}

const open = (of: FileSinkPlan, core: SinkCore = fresh()): Sink => openSink(of, { wall: () => 0 }, core, log, {});
const fresh = (): SinkCore => ({ seqs: [], length: 0 });

type Cells = Readonly<Record<string, unknown>>;

/** the rows of one file; a column that is not in it is missing */
function rowsOf(path: string, format: FileSinkPlan['format']): Cells[] {
  if (format === 'parquet') {
    const file = new ParquetFile(path, null, new Set());
    const { data } = file.slice(0);
    const rows = Array.from({ length: file.rows }, (_, r) => Object.fromEntries(file.columns.map(({ name }, c) => [name, data[c]?.[r] ?? null])));
    file.close();
    return rows;
  }
  const text = readFileSync(path, 'utf8');
  if (format === 'json')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Cells);
  return csvRows(Buffer.from(text));
}

/** an empty cell is NULL, a quoted one '' */
function csvRows(bytes: Buffer): Cells[] {
  const rows: (string | null)[][] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = csvRecordEnd(bytes, from, bytes.length);
    if (end < 0) throw new Error('a record without an end');
    rows.push(csvCells(bytes, from, end));
    from = end + 1;
  }
  const [header = [], ...records] = rows;
  return records.map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i]])));
}

/** files below a directory, those a crash left half-written included, by path */
function filesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  if (statSync(root).isFile()) return [root];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
}

/** the case rows of a file, or of all files of a directory in the order of batches */
function caseRows(of: FileSinkPlan): CaseRow[] {
  return filesBelow(of.path).flatMap((path) => {
    const day = /^day=(.*)$/.exec(basename(dirname(path)))?.[1];
    return rowsOf(path, of.format).map((cells) => ({
      id: Number(cells.id),
      name: cells.name as string | null,
      day: day === undefined ? String(cells.day) : decodeURIComponent(day),
    }));
  });
}

function medium(more: Partial<FileSinkPlan>): SinkMedium {
  const withDay = more.partitionBy === undefined;
  const columns = withDay ? caseColumns : caseColumns.filter(({ name }) => name !== 'day');
  const of = plan(join(dir, String(made++), 'out'), { columns, schema: caseSchema(withDay), ...more });
  const isDirectory = (): boolean => statSync(of.path).isDirectory();
  return {
    open: (core) => open(of, core),
    commit: () => {},
    rows: () => caseRows(of),
    tear(batch) {
      if (isDirectory()) {
        const torn = filesBelow(of.path).filter((path) => basename(path).startsWith(partName(batch, '')));
        for (const path of torn.slice(0, 1)) {
          writeFileSync(temporaryOf(path), readFileSync(path).subarray(0, 5));
          rmSync(path);
        }
      } else if (of.mode === 'complete') writeFileSync(temporaryOf(of.path), 'half');
      else truncateSync(of.path, statSync(of.path).size - 3);
    },
    spoil() {
      if (isDirectory()) rmSync(filesBelow(of.path)[0] as string);
      else if (of.mode === 'complete') rmSync(of.path);
      else truncateSync(of.path, statSync(of.path).size - 1);
    },
    remove: () => rmSync(dirname(of.path), { recursive: true, force: true }),
  };
}

const day = caseColumns.filter(({ name }) => name === 'day');
const kinds: readonly (readonly [name: string, plan: Partial<FileSinkPlan>, options?: SinkCaseOptions])[] = [
  ['file of json', { format: 'json' }],
  ['file of csv, changed rows', { format: 'csv', mode: 'update' }],
  ['file of json, complete', { format: 'json', mode: 'complete' }, { replaces: true }],
  ['file of csv, complete', { format: 'csv', mode: 'complete' }, { replaces: true }],
  ['directories of json', { format: 'json', partitionBy: day }],
  ['directories of csv, complete', { format: 'csv', partitionBy: day, mode: 'complete' }, { replaces: true }],
  ['directory of parquet', { format: 'parquet' }],
  ['directories of parquet', { format: 'parquet', partitionBy: day }],
  ['directory of parquet, complete', { format: 'parquet', mode: 'complete' }, { replaces: true }],
];
for (const [name, more, options] of kinds) sinkCases(name, () => medium(more), { ...options, outlives: true });

const type = (kind: string): SqlType => ({ kind }) as SqlType;
const column = (name: string, of: SqlType): Column => ({ name, slot: name, type: of, nullable: true });

async function write(of: FileSinkPlan, batches: readonly (readonly Row[])[], core = fresh(), from = 0): Promise<SinkCore> {
  const sink = open(of, core);
  await sink.recover(from - 1, null);
  for (const [i, rows] of batches.entries()) {
    for (const row of rows) sink.add(rowOf(row), 0);
    const taken = sink.take();
    if (taken !== null) await sink.deliver(from + i, taken);
  }
  sink.close();
  return core;
}

describe('a CSV file', () => {
  it('has its header once, its columns in order, NULL empty and the empty text quoted', async () => {
    const columns = [column('b', type('VARCHAR')), column('a,x', type('INTEGER')), column('d', type('DATE'))].map((c, i) => ({ ...c, slot: `s${i}` }));
    const of = plan(join(dir, 'header.csv'), { format: 'csv', columns });
    await write(of, [
      [{ s0: null, s1: 1, s2: 0 }],
      [],
      [
        { s0: '', s1: null, s2: null },
        { s0: 'say "x"', s1: -2, s2: 17_000 },
      ],
    ]);
    expect(readFileSync(of.path, 'utf8')).toBe('b,"a,x",d\n,1,1970-01-01\n"",,\n"say ""x""",-2,2016-07-18\n');
  });

  it('has its header even if no row ever comes', async () => {
    const of = plan(join(dir, 'none.csv'), { format: 'csv' });
    await write(of, [[], []]);
    expect(readFileSync(of.path, 'utf8')).toBe('id,name,day\n');
  });
});

describe('a directory', () => {
  const partitions = [column('day', type('DATE')), column('shop', type('VARCHAR')), column('at', type('TIMESTAMP'))];
  const columns = [column('n', type('BIGINT'))];

  it('names a directory by each value, and a file by its batch', async () => {
    const of = plan(join(dir, 'hive'), { format: 'json', partitionBy: partitions, columns });
    await write(of, [
      [
        { n: 1, day: 17_000, shop: 'a/b c=', at: 1_500 },
        { n: 2, day: null, shop: '', at: null },
      ],
      [
        { n: 3, day: 17_000, shop: 'a/b c=', at: 1_500 },
        { n: 4, day: null, shop: '__HIVE_DEFAULT_PARTITION__', at: -1_000 },
      ],
    ]);
    const found = filesBelow(of.path).map((path) => [path.slice(of.path.length + 1), readFileSync(path, 'utf8')]);
    expect(Object.fromEntries(found)).toEqual({
      'day=2016-07-18/shop=a%2Fb%20c%3D/at=1.500/part-000000000000.jsonl': '{"n":1}\n',
      'day=__HIVE_DEFAULT_PARTITION__/shop=/at=__HIVE_DEFAULT_PARTITION__/part-000000000000.jsonl': '{"n":2}\n',
      'day=2016-07-18/shop=a%2Fb%20c%3D/at=1.500/part-000000000001.jsonl': '{"n":3}\n',
      'day=__HIVE_DEFAULT_PARTITION__/shop=%5F_HIVE_DEFAULT_PARTITION__/at=-1/part-000000000001.jsonl': '{"n":4}\n',
    });
  });

  it('refuses a value that no directory can be named by, and nothing but it', async () => {
    const of = plan(join(dir, 'long'), { format: 'json', partitionBy: partitions.slice(1, 2), columns });
    const sink = open(of);
    await sink.recover(-1, null);
    expect(() => sink.add(rowOf({ n: 1, shop: 'é'.repeat(50) }), 0)).toThrow(expect.objectContaining({ code: 'value_out_of_range' }));
    expect([sink.pending, sink.take()]).toEqual([0, null]);
  });

  it("leaves alone what is not the sink's", async () => {
    const of = plan(join(dir, 'shared'), { format: 'csv', partitionBy: partitions.slice(1, 2), columns });
    await write(of, [
      [
        { n: 1, shop: 'a' },
        { n: 1, shop: 'b' },
      ],
    ]);
    writeFileSync(join(of.path, 'README'), 'mine');
    writeFileSync(join(of.path, 'shop=a', 'notes.csv'), 'mine');
    mkdirSync(join(of.path, 'other'));
    await write(of, [[{ n: 2, shop: 'c' }]]);
    expect(
      filesBelow(of.path)
        .map((path) => path.slice(of.path.length + 1))
        .sort(),
    ).toEqual(['README', 'shop=a/notes.csv', 'shop=c/part-000000000000.csv']);
    expect(readdirSync(of.path).sort()).toEqual(['README', 'other', 'shop=a', 'shop=c']);
  });

  it('is rid of what a crash left half-written, whoever wrote it', async () => {
    for (const [name, more] of [
      ['half', { partitionBy: partitions.slice(1, 2) }],
      ['half.jsonl', { mode: 'complete' }],
    ] as const) {
      const of = plan(join(dir, name), { columns, ...more });
      const core = await write(of, [[{ n: 1, shop: 'a' }]]);
      const [file] = filesBelow(of.path) as [string];
      writeFileSync(temporaryOf(join(dirname(file), name === 'half' ? partName(9, 'csv') : name)), 'half');
      await open(of, core).recover(0, null);
      expect(readdirSync(dirname(file)).filter((each) => each.endsWith('.tmp'))).toEqual([]);
      expect(rowsOf(file, 'json')).toEqual([{ n: 1 }]);
    }
  });

  it('says so when its place is taken by a file', async () => {
    const of = plan(join(dir, 'taken'), { format: 'parquet' });
    writeFileSync(of.path, 'x');
    await expect(open(of).recover(-1, null)).rejects.toThrow(expect.objectContaining({ code: 'sink_unwritable' }));
    expect(readFileSync(of.path, 'utf8')).toBe('x');
  });
});

describe('a file', () => {
  it('says so when it is cut or replaced while the run goes on', async () => {
    const of = plan(join(dir, 'cut.jsonl'), {});
    const sink = open(of);
    await sink.recover(-1, null);
    const next = async (batch: number): Promise<unknown> => {
      sink.add(rowOf({ id: batch, name: 'x', day: 'a' }), 0);
      return sink.deliver(batch, sink.take() as Uint8Array);
    };
    await next(0);
    truncateSync(of.path, 4);
    await expect(next(1)).rejects.toThrow(expect.objectContaining({ code: 'sink_truncated' }));
    sink.close();
  });

  it.each([
    ['replaced', 'passed.jsonl', { mode: 'complete' }],
    ['replaced in parts', 'passed-parts', { mode: 'complete', format: 'parquet' }],
  ] as const)('that is %s and has passed to another stays as it is, whoever wakes up', async (_, name, more) => {
    const of = plan(join(dir, name), more);
    const give = (sink: Sink, batch: number): Promise<unknown> => {
      sink.add(rowOf({ id: 1, name: 'x', day: `d${batch}` }), 0);
      return sink.deliver(batch, sink.take() as Uint8Array);
    };
    const old = open(of);
    await old.recover(-1, null);
    await give(old, 0);
    const core = fresh();
    const now = open(of, core);
    await now.recover(-1, null);
    await give(now, 1);
    await expect(give(old, 0)).rejects.toThrow(expect.objectContaining({ code: 'fenced' }));
    expect(caseRows(of).map(({ day }) => day)).toEqual(['d1']);
    old.close();
    await give(now, 2);
    now.close();
    expect(readdirSync(dir).filter((file) => file.startsWith(`.${name}.`))).toEqual([]);
  });

  it('that is replaced stays behind a link, and a device is written to', async () => {
    const target = join(dir, 'target.jsonl');
    const of = plan(join(dir, 'link.jsonl'), { mode: 'complete' });
    writeFileSync(target, '');
    symlinkSync(target, of.path);
    await write(of, [[{ id: 1, name: 'x', day: 'a' }]]);
    expect(readFileSync(target, 'utf8')).toBe('{"id":1,"name":"x","day":"a"}\n');
    await write(plan('/dev/null', { mode: 'complete' }), [[{ id: 1, name: 'x', day: 'a' }]]);
    expect(statSync('/dev/null').isFile()).toBe(false);
  });

  it('that is replaced is emptied by a result of which nothing is written, and by nothing else', async () => {
    for (const [name, more] of [
      ['emptied.csv', { format: 'csv' }],
      ['emptied', { format: 'parquet' }],
    ] as const) {
      const of = plan(join(dir, name), { mode: 'complete', ...more });
      const sink = open(of);
      await sink.recover(-1, null);
      sink.add(rowOf({ id: 1, name: 'x', day: 'a' }), 0);
      await sink.deliver(0, sink.take() as Uint8Array);
      expect(sink.take()).toBeNull();
      expect(caseRows(of)).toHaveLength(1);
      sink.skip?.();
      await sink.deliver(2, sink.take() as Uint8Array);
      expect(caseRows(of)).toHaveLength(0);
      expect(sink.take()).toBeNull();
      sink.close();
    }
  });

  it('that is replaced is never seen half: a reader keeps the batch it opened', async () => {
    const of = plan(join(dir, 'whole.jsonl'), { mode: 'complete' });
    const core = await write(of, [[{ id: 1, name: 'x', day: 'a' }]]);
    const before = statSync(of.path).ino;
    await write(of, [[{ id: 2, name: 'x', day: 'a' }]], core, 1);
    expect(statSync(of.path).ino).not.toBe(before);
    expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
