import type { RollingPlan } from '@millrace/pipeline/plan.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Emission, Harness } from './harness.case.ts';
import { calls, type Event, expected, play, type Seen, timeline } from './harness-model.case.ts';
import { call, column, rollingPlan, shapes } from './harness-plans.case.ts';

const count = [call('a0', 'count', []), call('a1', 'sum', ['x'])];
const at = (t: number, x: number | null = 1, k: string | null = 'a'): { t: number; row: Row } => ({ t, row: { k, x, i: t } });

function open(plan: Partial<RollingPlan>, outOfOrder = 0, aggregates = count): Harness {
  const node = rollingPlan(aggregates, plan);
  return new Harness(node, shapes(node.calls), { outOfOrder });
}

/** rows as `t:count`, and what else happened */
function told(harness: Harness): string[] {
  return harness.out.map((e) => (e.kind === 'row' ? `${e.eventTime}:${e.row['r_a0']}` : e.kind));
}

describe('immediately', () => {
  test('(t − range, t], this record included; the far end is not', () => {
    // range 10   0    5    10        15
    //            (−10,0]   (0,10] without 0    (5,15] without 5
    expect(told(open({}).feed(at(0)).feed(at(5)).feed(at(10)).feed(at(15)))).toEqual(['0:1', '5:2', '10:2', '15:2']);
  });

  test('of one timestamp, a record sees those that arrived before it', () => {
    expect(told(open({}).feed(at(3)).feed(at(3)).feed(at(3)))).toEqual(['3:1', '3:2', '3:3']);
  });

  test('an out-of-order record sees its own window, and later ones see it', () => {
    // arrive 0, 20, 12, 5, 21:   12 sees (2,12] = itself;   5 sees (−5,5] = 0, 5;   21 sees (11,21] = 12, 20, 21
    expect(told(open({ allowedLateness: 30 }).feed(at(0)).feed(at(20)).feed(at(12)).feed(at(5)).feed(at(21)))).toEqual(['0:1', '20:1', '12:1', '5:2', '21:3']);
  });

  test('with delay: (t − delay − range, t − delay], this record not', () => {
    // range 10, delay 5:   0 → nothing, NULL sum   5 → (−10,0]   9 → (−6,4]   15 → (0,10] = 5, 9
    const harness = open({ delay: 5 }).feed(at(0)).feed(at(5)).feed(at(9)).feed(at(15));
    expect(told(harness)).toEqual(['0:0', '5:1', '9:1', '15:2']);
    expect(harness.emitted[0]['r_a1']).toBeNull();
  });

  test('tumbling: since the start of the own window, before 1970 too', () => {
    // size 10:  [−10 … −1, ) [0 …
    expect(
      told(
        open({ range: { kind: 'tumbling', size: 10, offset: 0 } })
          .feed(at(-10))
          .feed(at(-1))
          .feed(at(0))
          .feed(at(9)),
      ),
    ).toEqual(['-10:1', '-1:2', '0:1', '9:2']);
  });

  test('late: older than watermark − (range + delay + allowed_lateness)', () => {
    // watermark 99, so 99 − (10 + 0 + 20) = 69 is the oldest that is not late
    expect(told(open({ allowedLateness: 20 }).feed(at(100)).feed(at(69)).feed(at(68)))).toEqual(['100:1', '69:1', 'late']);
  });

  test('the least late record still finds all of its window', () => {
    // 60 is 40 older than the watermark allows to be read only by (59, 69]
    expect(told(open({ allowedLateness: 20 }).feed(at(60)).feed(at(100)).feed(at(69)))).toEqual(['60:1', '100:1', '69:2']);
  });

  test('NULL key; an argument that fails', () => {
    const cast = call('a1', 'sum', ['i'], { args: [{ op: 'cast', safe: false, arg: column('k'), type: { kind: 'BIGINT' } }] });
    const harness = open({}, 0, [call('a0', 'count', []), cast]);
    harness
      .feed(at(1, 1, null))
      .feed(at(1, 1, 'x'))
      .feed(at(2, 1, '4'));
    expect(harness.out.map((e) => (e.kind === 'flaw' ? e.code : e.kind))).toEqual(['null_key', expect.any(String), 'row']);
    expect(harness.emitted).toMatchObject([{ r_a0: 1, r_a1: 4 }]);
  });

  test('forgets a key some time after nothing can read it', () => {
    const harness = open({})
      .feed(at(0))
      .feed(at(1, 1, 'b'))
      .feed(at(1000, 1, 'c'))
      .snapshot();
    expect([...harness.stored.keys()].sort()).toEqual(['k2', 'n']);
  });

  test('a block that was full when it was saved as the last is saved of itself when another begins', () => {
    for (const first of [63, 64, 65, 128]) {
      const plan = { range: { kind: 'range', size: 1000 } } as const;
      const straight = open(plan);
      const harness = open(plan);
      for (let t = 0; t < 200; t++) {
        straight.feed(at(t, t));
        harness.feed(at(t, t));
        if (t === first - 1 || t === first) harness.snapshot();
      }
      harness.restart();
      expect(harness.dump()).toEqual(straight.dump());
      expect([...harness.stored.keys()].sort()).toEqual(['b0.0', 'b0.1', 'b0.2', 'k0', 'n']);
    }
  });

  test('state whose last block is an entry of its own is read as well', () => {
    const plan = { range: { kind: 'range', size: 1000 } } as const;
    const straight = open(plan);
    for (let t = 0; t < 70; t++) straight.feed(at(t, t));
    const harness = open(plan);
    for (const [entry, hex] of straight.dump()) {
      const value = Buffer.from(hex, 'hex');
      // the header: due, the first record's number, the key; behind it the block
      const header = 8 + 1 + 2;
      harness.stored.set(entry, entry === 'k0' ? value.subarray(0, header) : value);
      if (entry === 'k0') harness.stored.set('b0.1', value.subarray(header));
    }
    harness.restart();
    expect(harness.dump()).toEqual(straight.dump());
    // the old entry stays until its block is full; what is in the key's own counts
    for (let t = 70; t < 150; t++) {
      straight.feed(at(t, t));
      harness.feed(at(t, t));
      if (t % 10 === 0) harness.restart();
    }
    expect(harness.emitted).toEqual(straight.emitted.slice(70));
    expect(harness.restart().dump()).toEqual(straight.dump());
  });

  test('a snapshot writes only the blocks that changed, and recovery reads old ones cut', () => {
    const straight = open({ range: { kind: 'range', size: 150 } });
    const harness = open({ range: { kind: 'range', size: 150 } });
    const sizes: number[] = [];
    for (let t = 0; t < 700; t++) {
      straight.feed(at(t, t));
      harness.feed(at(t, t));
      if (t % 50 === 49) {
        const before = new Map(harness.stored);
        harness.restart();
        sizes.push([...harness.stored].filter(([entry, value]) => before.get(entry) !== value).length);
      }
    }
    expect(harness.out).toEqual(straight.out);
    expect(harness.dump()).toEqual(straight.dump());
    // of 5 to 6 blocks: the key with the last, counters, at most one before it
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3);
    expect(harness.stored.size).toBeLessThanOrEqual(9);
  });
});

describe('on_watermark', () => {
  test('waits, orders by event time, then arrival, and keeps each record’s own lineage', () => {
    // out_of_order 5   arrive 10(0)  8(1)  8(2)  16(3) → watermark 10: 8, 8, 10 leave    end: 16 leaves
    const harness = open({ emit: 'on_watermark' }, 5).feed(at(10)).feed(at(8)).feed(at(8));
    expect(told(harness)).toEqual([]);
    harness.feed(at(16));
    expect(harness.out).toMatchObject([
      { eventTime: 8, offset: 1, row: { r_a0: 1, i: 8 } },
      { eventTime: 8, offset: 2, row: { r_a0: 2 } },
      { eventTime: 10, offset: 0, row: { r_a0: 3, i: 10 } },
    ]);
    expect(told(harness.end()).slice(3)).toEqual(['16:4']);
  });

  test('a record that the watermark has passed leaves at once', () => {
    expect(told(open({ emit: 'on_watermark', allowedLateness: 10 }).feed(at(5)).feed(at(9)).feed(at(4)))).toEqual(['5:1', '4:1']);
  });
});

/** The contract, said plainly: every window looked up among all records that arrived. */
function model(events: readonly Event[], node: RollingPlan, outOfOrder: number): Emission[] {
  const { range, delay } = node;
  const out: Emission[] = [];
  const seen: Seen[] = [];
  let held: Seen[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  let arrived = -1;
  const answer = (one: Seen): void => {
    // its place among its equals is the order in which it got here
    const placed = { ...one, offset: seen.length };
    seen.push(placed);
    const to = one.t - delay;
    const from = range.kind === 'range' ? to - range.size + 1 : Math.floor((to - range.offset) / range.size) * range.size + range.offset;
    const rows = seen.filter((other) => other.row['k'] === one.row['k'] && other.t >= from && other.t <= to);
    out.push({ kind: 'row', row: { ...one.row, ...expected(rows) }, eventTime: one.t, watermark, offset: one.offset });
  };
  const release = (to: number): void => {
    const due = held.filter(({ t }) => t <= to).sort((a, b) => a.t - b.t || a.offset - b.offset);
    held = held.filter(({ t }) => t > to);
    due.forEach(answer);
  };
  for (const event of events) {
    if (event === 'end') {
      release(Number.POSITIVE_INFINITY);
      continue;
    }
    const one = { ...event, offset: ++arrived };
    if (one.t < watermark - range.size - delay - node.allowedLateness) out.push({ kind: 'late', row: one.row as Row, offset: arrived });
    else if (node.emit === 'on_watermark' && one.t > watermark) held.push(one);
    else answer(one);
    const moved = one.t - outOfOrder - 1;
    if (moved > watermark) {
      release(moved);
      watermark = moved;
    }
  }
  return out;
}

describe('any timeline', () => {
  const range = fc.oneof(
    fc.record({ kind: fc.constant('range' as const), size: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant('tumbling' as const), size: fc.integer({ min: 1, max: 20 }), offset: fc.integer({ min: 0, max: 2 }) }),
  );
  const plan = fc.record({
    range,
    delay: fc.constantFrom(0, 0, 5, 20),
    allowedLateness: fc.constantFrom(0, 6, 50),
    emit: fc.constantFrom('immediately' as const, 'on_watermark' as const),
  });

  test('equals the plain model, and its recovery leaves rows and state the same', () => {
    fc.assert(
      fc.property(plan, timeline, fc.integer({ min: 0, max: 8 }), fc.uniqueArray(fc.nat(60)), (some, events, outOfOrder, restarts) => {
        const node = rollingPlan(calls, some);
        const straight = play(new Harness(node, shapes(calls), { outOfOrder }), events, new Set());
        const recovered = play(new Harness(node, shapes(calls), { outOfOrder }), events, new Set(restarts));
        expect(recovered.out).toEqual(straight.out);
        const comparable = straight.out.map((e) => (e.kind === 'late' ? { ...e, row: { k: e.row['k'], x: e.row['x'], i: e.row['i'] } } : e));
        expect(comparable).toEqual(model(events, node, outOfOrder));
        expect(recovered.dump()).toEqual(straight.dump());
        // what snapshots left is what there is, no less and no more
        expect([...recovered.snapshot().stored.keys()].sort()).toEqual(straight.dump().map(([entry]) => entry));
      }),
      { numRuns: 300 },
    );
  });
});
