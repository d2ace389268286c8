import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign, type Claim } from './assign.ts';

const claim = (id: string, owned: readonly number[] = [], generation = 1, closing: readonly number[] = []): Claim => ({ id, owned, closing, generation });
const shared = (members: readonly Claim[], slots: number): Record<string, number[]> => Object.fromEntries(assign(members, slots));

test('one member has all, and what a second is to have is given to nobody until it is given up', () => {
  expect(shared([claim('a')], 4)).toEqual({ a: [0, 1, 2, 3] });
  expect(shared([claim('b'), claim('a', [0, 1, 2, 3])], 4)).toEqual({ a: [0, 1], b: [] });
  expect(shared([claim('b'), claim('a', [0, 1])], 4)).toEqual({ a: [0, 1], b: [2, 3] });
});

test('what is free goes to those who have nothing, also while others still give up', () => {
  // c has died: its slots are free; a is to give one up
  expect(shared([claim('a', [0, 1, 2, 3]), claim('b')], 6)).toEqual({ a: [0, 1, 2], b: [4, 5] });
});

test('more members than slots: those who have one keep it', () => {
  expect(shared([claim('a'), claim('b', [1]), claim('c', [0])], 2)).toEqual({ a: [], b: [1], c: [0] });
});

test('of two who claim a slot, the one that was not away has it', () => {
  expect(shared([claim('a', [0, 1], 4), claim('b', [1, 2], 9)], 3)).toEqual({ a: [0], b: [1, 2] });
  expect(shared([claim('b', [0], 4), claim('a', [0], 4)], 1)).toEqual({ a: [0], b: [] });
});

test('slots that are no more are passed over; nobody there, nothing given', () => {
  expect(shared([claim('a', [0, 7])], 2)).toEqual({ a: [0, 1] });
  expect(shared([], 3)).toEqual({});
});

/** a group in which any slot may be claimed by nobody, one or several */
const groups = fc.record({ slots: fc.integer({ min: 1, max: 40 }), count: fc.integer({ min: 1, max: 9 }) }).chain(({ slots, count }) =>
  fc.record({
    slots: fc.constant(slots),
    members: fc
      .array(
        fc.record({
          owned: fc.uniqueArray(fc.nat({ max: slots - 1 })),
          closing: fc.uniqueArray(fc.nat({ max: slots - 1 }), { maxLength: 3 }),
          generation: fc.integer({ min: -1, max: 3 }),
        }),
        {
          minLength: count,
          maxLength: count,
        },
      )
      .map((all) => all.map((one, index): Claim => ({ id: `m${(index * 7) % 10}`, ...one }))),
  }),
);

/** a group as it is in quiet times: no slot claimed twice */
const settled = fc.record({ slots: fc.integer({ min: 1, max: 40 }), count: fc.integer({ min: 1, max: 9 }) }).chain(({ slots, count }) =>
  fc.record({
    slots: fc.constant(slots),
    members: fc.array(fc.integer({ min: -1, max: count - 1 }), { minLength: slots, maxLength: slots }).map((owner) =>
      Array.from({ length: count }, (_, index) =>
        claim(
          `m${(index * 7) % 10}`,
          [...owner.keys()].filter((slot) => owner[slot] === index),
        ),
      ),
    ),
  }),
);

const claims = ({ owned, closing }: Claim, slot: number): boolean => owned.includes(slot) || closing.includes(slot);
const next = (members: readonly Claim[], given: ReadonlyMap<string, readonly number[]>): Claim[] => members.map(({ id }) => claim(id, given.get(id), 9));

test('in any group: nothing is given twice, nor what another claims with a better right', () => {
  fc.assert(
    fc.property(groups, ({ slots, members }) => {
      const given = assign(members, slots);
      const all = [...given.values()].flat();
      expect(new Set(all).size).toBe(all.length);
      for (const { id, generation } of members) {
        for (const slot of given.get(id) ?? []) {
          const others = members.filter((other) => other.id !== id && claims(other, slot));
          const mine = members.some((member) => member.id === id && claims(member, slot));
          expect(mine ? others.every((other) => other.generation <= generation) : others.length === 0).toBe(true);
        }
      }
    }),
  );
});

test('in any group: after the second generation every slot is given and counts differ by one at most; the third changes nothing', () => {
  fc.assert(
    fc.property(groups, ({ slots, members }) => {
      const second = assign(next(members, assign(members, slots)), slots);
      const counts = [...second.values()].map(({ length }) => length);
      expect([...second.values()].flat().sort((a, b) => a - b)).toEqual(Array.from({ length: slots }, (_, slot) => slot));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(assign(next(members, second), slots)).toEqual(second);
    }),
  );
});

test('no more moves than balance asks for', () => {
  fc.assert(
    fc.property(settled, ({ slots, members }) => {
      const given = assign(members, slots);
      const kept = members.map(({ id, owned }) => owned.filter((slot) => given.get(id)?.includes(slot)).length);
      // the best anyone could do: those who have most keep the larger shares
      const least = Math.floor(slots / members.length);
      const over = slots % members.length;
      const best = members
        .map(({ owned }) => owned.length)
        .sort((a, b) => b - a)
        .map((count, rank) => Math.min(count, least + (rank < over ? 1 : 0)));
      expect(kept.reduce((sum, count) => sum + count, 0)).toBe(best.reduce((sum, count) => sum + count, 0));
    }),
  );
});

test('a member that is late to give up holds back its own slots only', () => {
  fc.assert(
    fc.property(settled, fc.nat({ max: 8 }), ({ slots, members }, which) => {
      const slow = members[which % members.length] as Claim;
      const first = assign(members, slots);
      const closing = slow.owned.filter((slot) => !first.get(slow.id)?.includes(slot));
      const claims = members.map((member) => claim(member.id, first.get(member.id), 2, member === slow ? closing : []));
      const second = assign(claims, slots);
      const given = new Set([...second.values()].flat());
      for (let slot = 0; slot < slots; slot++) expect(given.has(slot)).toBe(!closing.includes(slot));
      // and what the others had after the first, they have still
      for (const { id } of members) expect(second.get(id)).toEqual(expect.arrayContaining(first.get(id) as number[]));
    }),
  );
});
