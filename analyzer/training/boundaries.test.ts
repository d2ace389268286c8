import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstTraining, forgettable, judgedAt, judgedNow, judgedRange, lastComplete, lastOfEnd, trainingRange } from './boundaries.ts';

const DAY = 86_400_000;
const day = (text: string) => Date.parse(`${text}T00:00:00Z`);
const week = { every: DAY, window: 7 * DAY, knownAfter: 7 * DAY };

test('a week of training, a week until labels are known, a week to be judged on', () => {
  expect(firstTraining(week, day('2018-07-25') + 5)).toBe(day('2018-08-08'));
  expect(trainingRange(week, day('2018-08-08'))).toEqual({ from: day('2018-07-25'), to: day('2018-08-01') });
  expect(judgedRange(week, day('2018-08-08'))).toEqual({ from: day('2018-08-08'), to: day('2018-08-15') });
  expect(judgedAt(week, day('2018-08-08'))).toBe(day('2018-08-22'));
  expect(lastComplete(week, day('2018-08-08') - 1)).toBe(day('2018-08-08'));
  expect(lastComplete(week, day('2018-08-08') - 2)).toBe(day('2018-08-07'));
  expect(lastOfEnd(week, day('2018-08-14') + 5)).toBe(day('2018-08-15'));
});

const schedules = fc.record({ every: fc.integer({ min: 1, max: 50 }), window: fc.integer({ min: 1, max: 200 }), knownAfter: fc.integer({ min: 0, max: 200 }) });

test('every boundary is judged exactly once, when its labels are known, on rows that are kept', () => {
  fc.assert(
    fc.property(schedules, fc.integer({ min: -500, max: 500 }), (schedule, n) => {
      const boundary = n * schedule.every;
      const at = judgedAt(schedule, boundary);
      expect(Math.abs(at % schedule.every)).toBe(0);
      expect(at).toBeGreaterThanOrEqual(judgedRange(schedule, boundary).to + schedule.knownAfter);
      expect(at - schedule.every).toBeLessThan(judgedRange(schedule, boundary).to + schedule.knownAfter);
      expect(judgedNow(schedule, at) === boundary).toBe(true);
      expect(forgettable(schedule, at)).toBeLessThanOrEqual(trainingRange(schedule, boundary).from);
    }),
  );
});

test('the first training range lies in the data, rounded down', () => {
  fc.assert(
    fc.property(schedules, fc.integer({ min: -10_000, max: 10_000 }), (schedule, first) => {
      const boundary = firstTraining(schedule, first);
      const begin = Math.floor(first / schedule.every) * schedule.every;
      expect(trainingRange(schedule, boundary).from).toBeGreaterThanOrEqual(begin);
      expect(trainingRange(schedule, boundary - schedule.every).from).toBeLessThan(begin);
    }),
  );
});
