import { expect, test } from 'vitest';
import { emptyStats, type HostStats, MergedStats } from './stats.ts';

const stats = (some: Partial<HostStats>): HostStats => ({ ...emptyStats(), ...some });

test('counts are drained, of where things stand the last word of each host is kept', () => {
  const merged = new MergedStats();
  merged.add(0, stats({ recordsIn: 5, out: { a: 1 }, dead: { late: 1 }, dropped: 2, watermark: 100, lag: { s: 7 } }), 0);
  merged.add(1, stats({ recordsIn: 1, out: { a: 2, b: 1 }, watermark: 300, lag: { s: 3, t: 1 } }), 0);
  expect(merged.drain(0)).toMatchObject({ recordsIn: 6, out: { a: 3, b: 1 }, dead: { late: 1 }, dropped: 2, watermark: 100, lag: { s: 10, t: 1 } });
  merged.add(1, stats({ recordsIn: 4, idleWatermark: 400, lag: { s: 0, t: 0 } }), 0);
  // the first still works, and is the one furthest behind
  expect(merged.drain(0)).toMatchObject({ recordsIn: 4, out: {}, dead: {}, dropped: 0, watermark: 100, lag: { s: 7, t: 0 } });
  merged.add(0, stats({ idleWatermark: 150, lag: { s: 0 } }), 0);
  expect(merged.drain(0)).toMatchObject({ recordsIn: 0, watermark: Number.POSITIVE_INFINITY, idleWatermark: 400, lag: { s: 0, t: 0 } });
});

test('how long the host was silent that was heard of longest ago', () => {
  const merged = new MergedStats();
  expect(merged.drain(50).silentMs).toBe(0);
  merged.add(0, stats({}), 100);
  merged.add(1, stats({}), 300);
  expect(merged.drain(310).silentMs).toBe(210);
  merged.add(1, stats({}), 500);
  expect(merged.drain(510).silentMs).toBe(410);
  merged.add(0, stats({}), 520);
  expect(merged.drain(520).silentMs).toBe(20);
});

test('commits of all hosts are added up, and drained', () => {
  const merged = new MergedStats();
  merged.add(0, stats({ commits: { count: 3, snapshots: 1, ms: 12 } }), 0);
  merged.add(1, stats({ commits: { count: 2, snapshots: 0, ms: 5 } }), 0);
  expect(merged.drain(0).commits).toEqual({ count: 5, snapshots: 1, ms: 17 });
  expect(merged.drain(0).commits).toEqual({ count: 0, snapshots: 0, ms: 0 });
});
