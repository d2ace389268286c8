import type { Clock } from '@millrace/runtime/clock.ts';
import { expect, test } from 'vitest';
import { Transient } from '../fast/codes.ts';
import type { GroupEvent } from './messages.ts';
import { Outage } from './outage.ts';

function begin(): { outage: Outage; said: string[]; at(ms: number): void } {
  let now = 0;
  const said: string[] = [];
  const clock: Clock = { now: () => now, monotonic: () => now, cpu: () => 0 };
  const tell = ({ level, code }: GroupEvent): void => void said.push(`${level} ${code}`);
  const at = (ms: number): void => {
    now = ms;
  };
  return { outage: new Outage(clock, 'shop.preprocess', tell), said, at };
}

const away = new Transient('Kafka broker b:9092: it is away.', true);

test('a member that is in the group waits as long as it takes, longer each time up to a limit, and says so once', () => {
  const { outage, said, at } = begin();
  const waits = [0, 100, 200].map((ms) => {
    at(ms);
    return outage.failed(away, null);
  });
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(new Set(waits).size).toBe(3);
  expect(said).toEqual([]);
  for (let ms = 1_000; ms < 3_600_000; ms += 250) {
    at(ms);
    expect(outage.failed(away, null)).toBeLessThanOrEqual(1_000);
  }
  expect(said).toEqual(['warn group_waiting']);
  outage.over();
  expect(said).toEqual(['warn group_waiting', 'info group_back']);
});

test('what passes soon is no news', () => {
  const { outage, said, at } = begin();
  outage.failed(away, null);
  at(2_900);
  outage.failed(away, null);
  outage.over();
  at(4_000);
  outage.failed(away, null);
  outage.over();
  expect(said).toEqual([]);
});

test('the first contact is given up after its patience, with what failed; its clock begins anew after a success', () => {
  const { outage, at } = begin();
  outage.failed(away, 5_000);
  at(4_000);
  outage.over();
  at(6_000);
  outage.failed(away, 5_000);
  at(11_000);
  expect(() => outage.failed(away, 5_000)).toThrow(expect.objectContaining({ code: 'broker_unreachable', cause: away }));
  expect(() => outage.failed(away, 5_000)).toThrow('Kafka broker b:9092: it is away; tried again for 5000 ms.');
});
