import { seededRandom } from '@millrace/runtime/random.ts';
import { describe, expect, test } from 'vitest';
import { finish, Gradual } from './gradual.ts';
import { Harness } from './harness.case.ts';
import { call, dedupePlan, rollingPlan, shapes, windowPlan } from './harness-plans.case.ts';

const calls = [call('a0', 'count', []), call('a1', 'sum', ['x']), call('a2', 'max', ['i'])];
const one = (node: ConstructorParameters<typeof Harness>[0]): Harness => new Harness(node, shapes(calls), { outOfOrder: 5 });

/** Steps whose snapshots have many entries: some of their keys go for good, some come back. */
const steps: Readonly<Record<string, () => Harness>> = {
  rolling: () => one(rollingPlan(calls, { allowedLateness: 20 })),
  'rolling, on_watermark': () => one(rollingPlan(calls, { emit: 'on_watermark' })),
  dedupe: () => one(dedupePlan(15)),
  'window, keys in groups': () => one(windowPlan(calls, {})),
  'window, pane by pane': () => one(windowPlan(calls, { window: { kind: 'sliding', size: 20, slide: 5, offset: 0 }, allowedLateness: 10 })),
  'window, on_update': () => one(windowPlan(calls, { emit: 'on_update', allowedLateness: 10 })),
};

describe('a snapshot that is written while records go on holds how things stood when it began', () => {
  test.each(Object.keys(steps))('%s', (name) => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const harness = (steps[name] as () => Harness)();
      let t = 0;
      for (let n = 0; n < 400; n++) {
        // now and then all that is there falls due
        t += random.below(40) === 0 ? 60 : random.below(2);
        const k = `k${random.below(60)}`;
        harness.feed({ t: t - random.below(8), row: { k, x: random.below(100), i: n } });
        if (random.below(100) === 0) harness.end();
        // compared when it is through
        if (random.below(25) === 0) harness.begin();
      }
      harness.restart();
    }
  });
});

test('one at a time', () => {
  const gradual = new Gradual<number>();
  const written: number[] = [];
  const slices = gradual.write(new Set([1, 2, 3, 4]), (item) => written.push(item));
  slices.next();
  gradual.touch(3);
  gradual.touch(1);
  gradual.touch(9);
  expect(written).toEqual([1, 3]);
  expect(() => gradual.write(new Set([5]), () => {}).next()).toThrow('under way');
  finish(slices);
  expect(written).toEqual([1, 3, 2, 4]);
  gradual.touch(2);
  expect(written).toHaveLength(4);
});
