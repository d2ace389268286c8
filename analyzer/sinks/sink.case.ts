import { MillraceError } from '@millrace/runtime/errors.ts';
import { rowOf } from '@millrace/shared-schemas/testing.ts';
import { type Column, FlawError } from '@millrace/shared-schemas/types.ts';
import type { Appender } from '@millrace/transport/log.ts';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sink, SinkCore } from './sink.ts';

/** A row of the cases. Rows of one `day` keep their order, those of different days need not. */
export interface CaseRow {
  readonly id: number | bigint;
  readonly name: string | null;
  readonly day: string;
}

/** Where a sink under test writes. */
export interface SinkMedium {
  /** as a new process does; before the first batch and after every crash */
  open(core: SinkCore): Sink;
  /** what the caller does with the appenders of a delivery */
  commit(appenders: readonly Appender[]): void;
  /** all rows that a reader finds there, in an order that keeps that of each day */
  rows(): CaseRow[];
  /** makes of a delivered batch what a crash in the middle of its delivery leaves; absent: a delivery is atomic */
  tear?(batch: number): void;
  /** someone else spoils what was committed, where the medium outlives the data directory */
  spoil?(): void;
  remove(): void;
}

export interface SinkCaseOptions {
  /** the last batch that had rows is there alone, instead of all */
  readonly replaces?: boolean;
  /** the medium takes every row */
  readonly takesAll?: boolean;
  /** the medium stays when the data directory goes */
  readonly outlives?: boolean;
}

/** Columns of the case rows; where there is a schema it is `caseSchema`. */
export const caseColumns: readonly Column[] = [
  { name: 'id', slot: 'id', type: { kind: 'HUGEINT' }, nullable: false },
  { name: 'name', slot: 'name', type: { kind: 'VARCHAR' }, nullable: true },
  { name: 'day', slot: 'day', type: { kind: 'VARCHAR' }, nullable: false },
];
/** the same without the day, which a directory is named by; no long holds a large id */
export const caseSchema = (withDay: boolean): unknown => ({
  type: 'record',
  name: 'Row',
  fields: [{ name: 'id', type: 'long' }, { name: 'name', type: ['null', 'string'] }, ...(withDay ? [{ name: 'day', type: 'string' }] : [])],
});
const TOO_LARGE = 2n ** 127n - 1n;

const CRASHES = ['working', 'taken', 'saved', 'torn', 'delivered'] as const;
type Crash = (typeof CRASHES)[number] | 'none' | 'twice';

/** The part of the analyzer that a sink sees: what is durable, and what a process holds of it. */
class Coordinator {
  readonly #medium: SinkMedium;
  #saved: { core: SinkCore; batch: number; taken: Uint8Array | null } = { core: { seqs: [], length: 0 }, batch: -1, taken: null };
  #core: SinkCore = { seqs: [], length: 0 };
  committed = -1;
  sink!: Sink;

  constructor(medium: SinkMedium) {
    this.#medium = medium;
  }

  /** Starts a process and finishes the batch that was under way. */
  async start(): Promise<void> {
    this.#core = structuredClone(this.#saved.core);
    this.sink = this.#medium.open(this.#core);
    const unfinished = this.#saved.batch > this.committed;
    await this.sink.recover(this.committed, unfinished ? this.#saved.taken : null);
    if (unfinished) await this.#deliver('none');
  }

  /** Runs a batch up to where it crashes, and then, anew, to its end. */
  async batch(rows: readonly CaseRow[], crash: Crash = 'none'): Promise<void> {
    if (await this.#attempt(rows, crash)) return;
    this.sink.close();
    const saved = this.#saved.batch > this.committed;
    await this.start();
    if (!saved) await this.#attempt(rows, 'none');
  }

  async #attempt(rows: readonly CaseRow[], crash: Crash): Promise<boolean> {
    for (const row of rows) this.sink.add(rowOf({ ...row }), 1000);
    expect(this.sink.pending).toBe(rows.length);
    if (crash === 'working') return false;
    const taken = this.sink.take();
    expect(this.sink.pending).toBe(0);
    if (crash === 'taken') return false;
    this.#saved = { core: structuredClone(this.#core), batch: this.committed + 1, taken: taken && new Uint8Array(taken) };
    return crash === 'saved' ? false : await this.#deliver(crash);
  }

  async #deliver(crash: Crash): Promise<boolean> {
    const { batch, taken } = this.#saved;
    if (taken !== null) {
      const appenders = await this.sink.deliver(batch, taken);
      if (crash === 'torn') this.#medium.tear?.(batch);
      if (crash === 'torn' || crash === 'delivered') {
        for (const appender of appenders) appender.discard();
        return false;
      }
      if (crash === 'twice') {
        for (const appender of appenders) appender.discard();
        this.#medium.commit(await this.sink.deliver(batch, taken));
      } else this.#medium.commit(appenders);
    }
    this.committed = batch;
    return true;
  }

  /** Delivers a batch, and is then set back to before it was decided, as a data directory from a copy is. */
  async beyond(rows: readonly CaseRow[]): Promise<void> {
    const { committed } = this;
    const saved = this.#saved;
    await this.batch(rows);
    this.sink.close();
    this.committed = committed;
    this.#saved = saved;
    await this.start();
  }
}

/** rows of each day in the order they are in */
const byDay = (rows: readonly CaseRow[]): Map<string, unknown[]> =>
  new Map([...Map.groupBy(rows, ({ day }) => day)].map(([day, found]) => [day, found.map(({ id, name }) => [Number(id), name])]));

const row = (id: number | bigint, day = 'a', name: string | null = `n${id}`): CaseRow => ({ id, name, day });

/** What every sink does. A sink's test calls this with its name and a maker of fresh media. */
export function sinkCases(name: string, make: () => SinkMedium, { replaces = false, takesAll = false, outlives = false }: SinkCaseOptions = {}): void {
  describe(`sink: ${name}`, () => {
    let medium: SinkMedium;
    let analyzer: Coordinator;
    beforeEach(async () => {
      medium = make();
      analyzer = new Coordinator(medium);
      await analyzer.start();
    });
    afterEach(() => {
      analyzer.sink.close();
      medium.remove();
    });
    const left = (batches: readonly (readonly CaseRow[])[]): readonly CaseRow[] =>
      replaces ? (batches.findLast((batch) => batch.length > 0) ?? []) : batches.flat();
    const expectRows = (batches: readonly (readonly CaseRow[])[]): void => {
      expect(byDay(medium.rows())).toEqual(byDay(left(batches)));
    };

    it('is empty before the first batch', () => {
      expect(medium.rows()).toEqual([]);
    });

    it('keeps the rows of a batch in their order, and batches in theirs', async () => {
      const batches = [
        [row(3, 'b'), row(1), row(2, 'b'), row(0)],
        [row(9), row(4, 'b', null), row(8, 'b', '')],
      ];
      for (const batch of batches) await analyzer.batch(batch);
      expectRows(batches);
    });

    it('holds text of any kind', async () => {
      const texts = ['', ' ', '"', 'a,b', 'x\ny', 'x\r\ny', 'é€😀', "it's", '\\N', 'NULL', '\u0000', '../..', '%2F'];
      const batch = texts.map((text, i) => row(i, text, text));
      await analyzer.batch(batch);
      expectRows([batch]);
    });

    it('takes batches without rows', async () => {
      await analyzer.batch([]);
      expect(medium.rows()).toEqual([]);
      await analyzer.batch([row(1)]);
      await analyzer.batch([]);
      expectRows([[row(1)], []]);
      await analyzer.batch([row(2)]);
      expectRows([[row(1)], [], [row(2)]]);
    });

    for (const crash of ['twice', ...CRASHES] as const) {
      it(`leaves a batch once, ${crash === 'twice' ? 'delivered twice' : `crashed when ${crash}`}`, async () => {
        const batches = [[row(1), row(2, 'b')], [row(3), row(4, 'c'), row(5, 'b')], [row(6)]];
        for (const [i, batch] of batches.entries()) {
          await analyzer.batch(batch, i === 1 ? crash : 'none');
          expectRows(batches.slice(0, i + 1));
        }
      });
    }

    it('holds what a run without crashes leaves, wherever it was killed', async () => {
      const rows = fc.array(fc.record({ id: fc.integer(), name: fc.option(fc.string({ maxLength: 8 })), day: fc.constantFrom('a', 'b/c', 'd=e') }), {
        maxLength: 5,
      });
      const batch = fc.record({ rows, crash: fc.constantFrom<Crash[]>('none', 'twice', ...CRASHES) });
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 5 }), async (batches) => {
          const own = make();
          const run = new Coordinator(own);
          await run.start();
          for (const each of batches) await run.batch(each.rows, each.crash);
          run.sink.close();
          await run.start();
          const all = batches.map((each) => each.rows);
          expect(byDay(own.rows())).toEqual(byDay(left(all)));
          run.sink.close();
          own.remove();
        }),
        { numRuns: 15, seed: 7 },
      );
    });

    it('goes on after a restart between batches', async () => {
      await analyzer.batch([row(1)]);
      analyzer.sink.close();
      await analyzer.start();
      expectRows([[row(1)]]);
      await analyzer.batch([row(2)]);
      expectRows([[row(1)], [row(2)]]);
    });

    it.runIf(outlives && !replaces)('removes what a batch beyond the committed one left', async () => {
      await analyzer.batch([row(1), row(2, 'b')]);
      await analyzer.beyond([row(3), row(4, 'z')]);
      await analyzer.batch([row(5)]);
      expectRows([[row(1), row(2, 'b')], [row(5)]]);
    });

    it.runIf(outlives)('belongs to one data directory: a fresh one begins with nothing', async () => {
      await analyzer.batch([row(1), row(2, 'b')]);
      analyzer.sink.close();
      analyzer = new Coordinator(medium);
      await analyzer.start();
      expect(medium.rows()).toEqual([]);
      await analyzer.batch([row(7)]);
      expectRows([[row(7)]]);
    });

    it.skipIf(takesAll)('adds nothing of a row that cannot be written', async () => {
      const refused = (): void => analyzer.sink.add(rowOf({ ...row(TOO_LARGE, 'q') }), 1000);
      expect(refused).toThrow(FlawError);
      expect(refused).toThrow(expect.objectContaining({ code: 'value_out_of_range' }));
      expect(analyzer.sink.pending).toBe(0);
      await analyzer.batch([row(1)]);
      analyzer.sink.add(rowOf({ ...row(2) }), 1000);
      expect(refused).toThrow(FlawError);
      analyzer.sink.add(rowOf({ ...row(3) }), 1000);
      expect(analyzer.sink.pending).toBe(2);
      const taken = analyzer.sink.take() as Uint8Array;
      medium.commit(await analyzer.sink.deliver(1, taken));
      expectRows([[row(1)], [row(2), row(3)]]);
    });

    it.runIf(outlives)('says so when someone else has spoiled what it wrote', async () => {
      await analyzer.batch([row(1), row(2, 'b')]);
      await analyzer.batch([row(3)]);
      analyzer.sink.close();
      medium.spoil?.();
      const started = analyzer.start();
      await expect(started).rejects.toThrow(MillraceError);
      await expect(started).rejects.toThrow(expect.objectContaining({ code: 'sink_truncated' }));
    });
  });
}
