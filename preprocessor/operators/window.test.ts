import type { WindowPlan } from '@millrace/pipeline/plan.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Emission, Harness } from './harness.case.ts';
import { calls, type Event, expected, play, type Seen, timeline } from './harness-model.case.ts';
import { call, column, shapes, windowPlan } from './harness-plans.case.ts';

const count = [call('a0', 'count', [])];
const at = (t: number, k: string | null = 'a'): { t: number; row: Row } => ({ t, row: { k, x: null, i: t } });

function open(plan: Partial<WindowPlan>, outOfOrder = 0, aggregates = count): Harness {
  const node = windowPlan(aggregates, plan);
  return new Harness(node, shapes(node.calls), { outOfOrder });
}

/** rows as `key[start,end)count`, and what else happened */
function told(harness: Harness): string[] {
  return harness.out.map((e) => (e.kind === 'row' ? `${e.row['k']}[${e.row['window_start']},${e.row['window_end']})${e.row['r_a0']}` : e.kind));
}

describe('tumbling', () => {
  test('fires when the watermark, max − 1, reaches end − 1', () => {
    // window   [0 . . . . . . . . . )[10
    // records   0        9            10   11
    // watermark −1       8            9 → fires
    const harness = open({}).feed(at(0)).feed(at(9));
    expect(told(harness)).toEqual([]);
    expect(told(harness.feed(at(10)))).toEqual(['a[0,10)2']);
    expect(harness.out[0]).toMatchObject({ eventTime: 9, watermark: 8, offset: 1 });
  });

  test('aligns to the epoch plus offset, before 1970 too', () => {
    // offset 3, size 10:  [−17, −7)[−7, 3)[3, 13)
    const harness = open({ window: { kind: 'tumbling', size: 10, offset: 3 } });
    harness.feed(at(-8)).feed(at(-7)).feed(at(2)).feed(at(3)).end();
    expect(told(harness)).toEqual(['a[-17,-7)1', 'a[-7,3)2', 'a[3,13)1']);
  });

  test('rows that fire together leave in the order of key bytes', () => {
    const harness = open({});
    for (const k of ['\u{1f600}', 'b', '\uffff', 'a', 'é']) harness.feed(at(1, k));
    harness.end();
    expect(harness.emitted.map((row) => row['k'])).toEqual(['a', 'b', 'é', '\uffff', '\u{1f600}']);
  });

  test('late: end − 1 + allowed_lateness ≤ watermark; before that a fired window fires again at once', () => {
    // lateness 5: window [0,10) is kept until the watermark is 14
    //   record     3   10        4          15        5       16      6
    //   watermark  2   9 fires   9 again    14 gone   late    15      late
    const harness = open({ allowedLateness: 5 }).feed(at(3)).feed(at(10)).feed(at(4)).feed(at(15)).feed(at(5)).feed(at(16)).feed(at(6));
    expect(told(harness)).toEqual(['a[0,10)1', 'a[0,10)2', 'late', 'late']);
  });

  test('one millisecond before it is late', () => {
    // watermark 13 < 9 + 5
    expect(told(open({ allowedLateness: 5 }).feed(at(14)).feed(at(5)))).toEqual(['a[0,10)1']);
  });

  test('a NULL key is a flaw', () => {
    expect(open({}).feed(at(1, null)).out).toMatchObject([{ kind: 'flaw', code: 'null_key' }]);
  });

  test('an end fires once; a record after it repeats the row; the watermark then fires nothing twice', () => {
    //  run 1: 1 2 end → 2         run 2: 3 → 3      11 → nothing of [0,10)   end → only [10,20)
    const harness = open({}).feed(at(1)).feed(at(2)).end().end();
    expect(told(harness)).toEqual(['a[0,10)2']);
    harness.restart().feed(at(3)).feed(at(11)).end().end();
    expect(told(harness)).toEqual(['a[0,10)2', 'a[0,10)3', 'a[10,20)1']);
  });

  test('state is gone when no record can come any more', () => {
    const harness = open({}).feed(at(1)).feed(at(2, 'b')).feed(at(12, 'c')).snapshot();
    // the counter, and c with its pane
    expect([...harness.stored.keys()].sort()).toEqual(['g0', 'n']);
    expect(harness.dump()).toEqual([...harness.stored].sort().map(([entry, value]) => [entry, Buffer.from(value).toString('hex')]));
    // all of them gone: the records that are left out count for the watermark
    const empty = harness.feed(at(30, 'd')).watermark(50).snapshot();
    expect([...empty.stored.keys()]).toEqual(['n']);
  });

  test('a key that another of its group outlives, and one that comes back', () => {
    const straight = open({});
    const harness = open({});
    for (let t = 0; t < 400; t++) {
      // some keys in every window, some in every other, some now and then
      const k = String(t % 3 === 0 ? t % 7 : t % 20 < 10 ? `x${t % 11}` : `y${t}`);
      straight.feed(at(t, k));
      harness.feed(at(t, k));
      if (t % 6 === 0) harness.restart();
    }
    harness.snapshot();
    expect(harness.out).toEqual(straight.out);
    expect(harness.dump()).toEqual(straight.dump());
    expect([...harness.stored.keys()].sort()).toEqual(harness.dump().map(([entry]) => entry));
  });

  test('state that was saved by key and pane is read, and saved by group from then on', () => {
    // what a window with some lateness saves is what one without saved before
    const before = open({ allowedLateness: 1 }).feed(at(11)).feed(at(12, 'b')).feed(at(13, 'b')).snapshot();
    expect([...before.stored.keys()].sort()).toEqual(['k0', 'k1', 'n', 'p0.10', 'p1.10']);
    const after = open({});
    for (const [entry, value] of before.stored) after.stored.set(entry, value);
    after.restart().snapshot();
    expect([...after.stored.keys()].sort()).toEqual(['g0', 'n']);
    expect(told(after.restart().watermark(19))).toEqual(['a[10,20)1', 'b[10,20)2']);
  });

  test('many panes of a key that come back from a snapshot go from it too, each of them', () => {
    // more than the store has room for at first, so that it grows while it is restored; the record at 5000 is behind all that is kept of them
    const late = { allowedLateness: 2000 };
    const harness = open(late);
    for (let pane = 0; pane < 150; pane++) harness.feed(at(10 * pane));
    harness.restart().feed(at(5000)).snapshot();
    expect(harness.dump().length).toBeLessThan(10);
    expect([...harness.stored.keys()].sort()).toEqual(harness.dump().map(([entry]) => entry));
  });

  test('a flaw in an argument keeps the record out; a flaw in a result is told with the row', () => {
    const failing = [call('a0', 'sum', ['i'], { type: { kind: 'HUGEINT' } })];
    const huge = 2n ** 126n;
    const harness = open({}, 0, failing);
    harness
      .feed({ t: 1, row: { k: 'a', x: null, i: huge } })
      .feed({ t: 2, row: { k: 'a', x: null, i: huge } })
      .end();
    expect(harness.out).toMatchObject([{ kind: 'flaw', code: 'expression_failed', offset: 1, row: { k: 'a', window_start: 0, window_end: 10 } }]);
    const div = call('a0', 'sum', ['i'], { args: [{ op: 'cast', safe: false, arg: column('k'), type: { kind: 'BIGINT' } }] });
    const casting = open({}, 0, [div]).feed(at(1, 'a')).feed(at(2, '7')).end();
    expect(casting.out.map((e) => e.kind)).toEqual(['flaw', 'row']);
    expect(casting.emitted[0]['r_a0']).toBe(7);
  });

  test('boundaries in a TIMESTAMP column are microseconds', () => {
    const node = windowPlan(count, {});
    const columns = node.columns.map((known) => (known.slot === 'k' ? known : { ...known, type: { kind: 'TIMESTAMP' as const } }));
    const harness = new Harness({ ...node, columns }, shapes(count)).feed(at(-5)).end();
    expect(harness.emitted).toMatchObject([{ window_start: -10_000, window_end: 0 }]);
  });
});

describe('sliding', () => {
  test('a record is in every window over it; size need not be a multiple of slide', () => {
    // size 10 every 4, record at 1:  [−8,2) [−4,6) [0,10)
    const harness = open({ window: { kind: 'sliding', size: 10, slide: 4, offset: 0 } })
      .feed(at(1))
      .end();
    expect(told(harness)).toEqual(['a[-8,2)1', 'a[-4,6)1', 'a[0,10)1']);
  });

  test('a late record counts in those of its windows that are not late', () => {
    // records 1, 7 (watermark 6): [−8,2) and [−4,6) have closed; 1 again is in [0,10) only
    const harness = open({ window: { kind: 'sliding', size: 10, slide: 4, offset: 0 } })
      .feed(at(7))
      .feed(at(1))
      .end();
    expect(told(harness)).toEqual(['a[0,10)2', 'a[4,14)1']);
  });

  test('windows further apart than long leave records out, without a word', () => {
    const harness = open({ window: { kind: 'sliding', size: 3, slide: 10, offset: 0 } })
      .feed(at(2))
      .feed(at(5))
      .feed(at(11))
      .end();
    expect(told(harness)).toEqual(['a[0,3)1', 'a[10,13)1']);
  });

  test('on_update emits after each record for each window, and nothing on close', () => {
    const harness = open({ window: { kind: 'sliding', size: 10, slide: 5, offset: 0 }, emit: 'on_update' })
      .feed(at(6))
      .feed(at(7))
      .feed(at(40))
      .end();
    expect(told(harness)).toEqual(['a[0,10)1', 'a[5,15)1', 'a[0,10)2', 'a[5,15)2', 'a[35,45)1', 'a[40,50)1']);
  });
});

/** The contract, said plainly: every window looked up among all records that arrived. */
function model(events: readonly Event[], node: WindowPlan, outOfOrder: number): Emission[] {
  const { size, offset } = node.window;
  const slide = node.window.kind === 'sliding' ? node.window.slide : size;
  const out: Emission[] = [];
  const seen: Seen[] = [];
  const fired = new Set<string>();
  let watermark = Number.NEGATIVE_INFINITY;
  let arrived = -1;
  const startsOf = (t: number): number[] => {
    const starts: number[] = [];
    for (let s = Math.floor((t - offset) / slide) * slide + offset; s + size > t; s -= slide) starts.unshift(s);
    return starts;
  };
  const emit = (k: string, s: number): void => {
    const rows = seen.filter((one) => one.row['k'] === k && one.t >= s && one.t < s + size);
    const row = { k, window_start: s, window_end: s + size, ...expected(rows) };
    out.push({ kind: 'row', row, eventTime: s + size - 1, watermark, offset: Math.max(...rows.map((one) => one.offset)) });
  };
  const close = (to: number, mark: boolean): void => {
    if (node.emit === 'on_update') return;
    const due = new Map<string, [k: string, s: number]>();
    for (const one of seen)
      for (const s of startsOf(one.t)) if (s + size - 1 > watermark && s + size - 1 <= to) due.set(`${one.row['k']} ${s}`, [one.row['k'] as string, s]);
    const inOrder = [...due].sort(([, [a, s]], [, [b, t]]) => s - t || Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const [name, [k, s]] of inOrder) {
      if (!fired.has(name)) emit(k, s);
      if (mark) fired.add(name);
    }
  };
  for (const event of events) {
    if (event === 'end') {
      close(Number.POSITIVE_INFINITY, true);
      continue;
    }
    arrived++;
    const starts = startsOf(event.t);
    const open = starts.filter((s) => s + size - 1 + node.allowedLateness > watermark);
    if (open.length === 0) out.push({ kind: 'late', row: event.row as Row, offset: arrived });
    else {
      seen.push({ ...event, offset: arrived });
      for (const s of open) {
        if (node.emit === 'on_update' || s + size - 1 <= watermark || fired.has(`${event.row['k']} ${s}`)) emit(event.row['k'] as string, s);
      }
    }
    const moved = event.t - outOfOrder - 1;
    if (moved > watermark) {
      close(moved, false);
      watermark = moved;
    }
  }
  return out;
}

describe('any timeline', () => {
  const window = fc.oneof(
    fc.record({ kind: fc.constant('tumbling' as const), size: fc.integer({ min: 1, max: 20 }), offset: fc.integer({ min: 0, max: 3 }) }),
    fc.record({
      kind: fc.constant('sliding' as const),
      size: fc.integer({ min: 1, max: 30 }),
      slide: fc.integer({ min: 1, max: 12 }),
      offset: fc.integer({ min: -1, max: 1 }),
    }),
  );
  const plan = fc.record({
    window,
    allowedLateness: fc.constantFrom(0, 0, 7, 40),
    emit: fc.constantFrom('on_close' as const, 'on_close' as const, 'on_update' as const),
  });

  test('equals the plain model, and its recovery leaves rows and state the same', () => {
    fc.assert(
      fc.property(plan, timeline, fc.integer({ min: 0, max: 8 }), fc.uniqueArray(fc.nat(60)), (some, events, outOfOrder, restarts) => {
        const node = windowPlan(calls, some);
        const straight = play(new Harness(node, shapes(calls), { outOfOrder }), events, new Set());
        const recovered = play(new Harness(node, shapes(calls), { outOfOrder }), events, new Set(restarts));
        expect(recovered.out).toEqual(straight.out);
        const comparable = straight.out.map((e) => (e.kind === 'late' ? { ...e, row: { k: e.row['k'], x: e.row['x'], i: e.row['i'] } } : e));
        if (node.window.kind === 'tumbling' || node.window.slide <= node.window.size) expect(comparable).toEqual(model(events, node, outOfOrder));
        expect(recovered.dump()).toEqual(straight.dump());
        // what snapshots left is what there is, no less and no more
        expect([...recovered.snapshot().stored.keys()].sort()).toEqual(straight.dump().map(([entry]) => entry));
      }),
      { numRuns: 300 },
    );
  });
});
