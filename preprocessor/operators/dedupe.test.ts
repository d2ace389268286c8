import type { Row } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Emission, Harness } from './harness.case.ts';
import { type Event, play, timeline } from './harness-model.case.ts';
import { dedupePlan, shapes } from './harness-plans.case.ts';

const at = (t: number, k: string | null = 'a'): { t: number; row: Row } => ({ t, row: { k, x: null, i: t } });
const open = (within: number, outOfOrder = 0): Harness => new Harness(dedupePlan(within), shapes([]), { outOfOrder });
const passed = (harness: Harness): Value[] => harness.emitted.map((row) => row['i']);
type Value = Row[string];

describe('dedupe', () => {
  test('a repeat is less than `within` away; repeats do not extend it', () => {
    // within 10   0 passes   9 repeat   10 passes   19 repeat   20 passes
    expect(passed(open(10).feed(at(0)).feed(at(9)).feed(at(10)).feed(at(19)).feed(at(20)))).toEqual([0, 10, 20]);
  });

  test('looks both ways when records come out of order', () => {
    // within 10   30 passes   21 repeat (9 before)   20 passes   25 repeat of both   11 repeat of 20
    expect(passed(open(10, 100).feed(at(30)).feed(at(21)).feed(at(20)).feed(at(25)).feed(at(11)))).toEqual([30, 20]);
  });

  test('a passing time is forgotten when the watermark is 2·within past it', () => {
    // 0 passes; at watermark 19 it is still there, at 20 it is gone
    expect(passed(open(10).feed(at(0)).feed(at(20, 'b')).feed(at(1)))).toEqual([0, 20]);
    expect(passed(open(10).feed(at(0)).feed(at(21, 'b')).feed(at(1)))).toEqual([0, 21, 1]);
  });

  test('keys are apart; a NULL key is a flaw', () => {
    const harness = open(10).feed(at(0)).feed(at(1, 'b')).feed(at(2, null));
    expect(passed(harness)).toEqual([0, 1]);
    expect(harness.out[2]).toMatchObject({ kind: 'flaw', code: 'null_key' });
  });

  test('keys are forgotten', () => {
    const harness = open(10).feed(at(0)).feed(at(100, 'b')).snapshot();
    expect([...harness.stored.keys()].sort()).toEqual(['k1', 'n']);
  });

  /** The contract, said plainly. */
  const model = (events: readonly Event[], within: number, outOfOrder: number): Emission[] => {
    const out: Emission[] = [];
    const times: { k: Value; t: number }[] = [];
    let watermark = Number.NEGATIVE_INFINITY;
    let offset = -1;
    for (const event of events) {
      if (event === 'end') continue;
      offset++;
      const repeat = times.some(({ k, t }) => k === event.row['k'] && Math.abs(t - event.t) < within && watermark < t + 2 * within);
      if (!repeat) {
        times.push({ k: event.row['k'], t: event.t });
        out.push({ kind: 'row', row: { ...event.row }, eventTime: event.t, watermark, offset });
      }
      watermark = Math.max(watermark, event.t - outOfOrder - 1);
    }
    return out;
  };

  test('any timeline equals the plain model, and its recovery leaves rows and state the same', () => {
    fc.assert(
      fc.property(
        timeline,
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 0, max: 8 }),
        fc.uniqueArray(fc.nat(60)),
        (events, within, outOfOrder, restarts) => {
          const straight = play(open(within, outOfOrder), events, new Set());
          const recovered = play(open(within, outOfOrder), events, new Set(restarts));
          expect(straight.out).toEqual(model(events, within, outOfOrder));
          expect(recovered.out).toEqual(straight.out);
          expect(recovered.dump()).toEqual(straight.dump());
          expect([...recovered.snapshot().stored.keys()].sort()).toEqual(straight.dump().map(([entry]) => entry));
        },
      ),
      { numRuns: 300 },
    );
  });
});
