import { systemClock } from '@millrace/runtime/clock.ts';
import { expect, test } from 'vitest';
import { type Place, Standing } from './standing.ts';

function standing(): { tell: (place: Partial<Place>, ms?: number) => string[]; standing: Standing } {
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now };
  const said: string[] = [];
  const standing = new Standing(4, clock, ({ code, message }) => void said.push(`${code}: ${message}`));
  const tell = (place: Partial<Place>, ms = 0): string[] => {
    now += ms;
    standing.tell({ assigned: [], members: 2, kept: place.assigned ?? [], working: place.assigned ?? [], ...place });
    return said.splice(0);
  };
  return { tell, standing };
}

test('says which slots are here once they are at work, and again when they change', () => {
  const { tell } = standing();
  expect(tell({ assigned: [0, 1, 2, 3], working: [0] })).toEqual([]);
  expect(tell({ assigned: [0, 1, 2, 3], working: [3, 0, 2, 1] })).toEqual(['slots: Working on all 4 slots.']);
  expect(tell({ assigned: [0, 2], kept: [0, 1, 2, 3], working: [0, 2] })).toEqual([]);
  expect(tell({ assigned: [0, 2] })).toEqual(['slots: Working on slots 0, 2 of 4.']);
  expect(tell({ assigned: [0, 2] }, 60_000)).toEqual([]);
  expect(tell({ assigned: [2] })).toEqual(['slots: Working on slot 2 of 4.']);
});

test('stands by: says so after a while, once, and is at work again', () => {
  const { tell, standing: of } = standing();
  expect(tell({ members: 5 })).toEqual([]);
  expect(tell({ members: 5 }, 2_000)).toEqual([]);
  expect(of.by).toBe(false);
  expect(tell({ members: 5 }, 1_000)).toEqual(['standing_by: No slot of 4 is left for this process: standing by to take over, one of 5.']);
  expect(of.by).toBe(true);
  expect(tell({ members: 6 }, 60_000)).toEqual([]);
  expect(tell({ assigned: [1] })).toEqual(['slots: Working on slot 1 of 4.']);
  expect(of.by).toBe(false);
  // a slot that moves through is no reason to say anything
  expect(tell({})).toEqual([]);
  expect(tell({ assigned: [1] }, 1_000)).toEqual([]);
  expect(tell({})).toEqual([]);
  expect(tell({}, 2_900)).toEqual([]);
});

test('waits for whoever has slot 0', () => {
  const { tell } = standing();
  expect(tell({ assigned: [1], working: [] })).toEqual([]);
  expect(tell({ assigned: [1], working: [] }, 10_000)).toEqual(['standing_by: Waiting for the process that has slot 0 to begin.']);
  expect(tell({ assigned: [1] })).toEqual(['slots: Working on slot 1 of 4.']);
});
