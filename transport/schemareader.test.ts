import { writeFrame } from '@millrace/shared-schemas/framing.ts';
import { beforeEach, expect, test } from 'vitest';
import { append } from './append.case.ts';
import type { Reader } from './log.ts';
import { openMemory } from './memory.ts';
import { SchemaReader } from './schemareader.ts';

const known = new Set<number>();
let asked: { id: number; settle: (error?: Error) => void }[] = [];
const registry = {
  knows: (id: number) => known.has(id),
  fetch: (id: number) =>
    new Promise<void>((resolve, reject) => {
      asked.push({
        id,
        settle(error) {
          if (error) reject(error);
          else {
            known.add(id);
            resolve();
          }
        },
      });
    }),
};
beforeEach(() => {
  known.clear();
  asked = [];
});

const framed = (id: number): Buffer => {
  const value = Buffer.alloc(6);
  writeFrame(id, value, 0);
  return value;
};

/** A topic of one partition with these values, `perBatch` of them together. */
async function reading(values: (Buffer | null)[], perBatch = values.length): Promise<{ inner: Reader; reader: SchemaReader }> {
  const { log } = openMemory();
  await log.ensure('t', 1);
  const out = log.appender('t');
  for (const [i, value] of values.entries()) {
    append(out, 0, { key: null, value });
    if ((i + 1) % perBatch === 0) await out.flush();
  }
  await out.flush();
  const inner = log.reader('t', 0, { offset: 0 });
  return { inner, reader: new SchemaReader(inner, registry) };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const poll = (reader: Reader): number[] | null => {
  const view = reader.poll(1 << 20);
  return view && [...view.offsets.subarray(0, view.count)];
};

test('what names only schemas at hand is given at once; what names none is for the decoder to judge', async () => {
  known.add(1);
  const { reader } = await reading([framed(1), null, Buffer.from('text'), Buffer.from([0, 0]), framed(1)]);
  expect(poll(reader)).toEqual([0, 1, 2, 3, 4]);
  expect([asked.length, poll(reader), reader.reached(reader.end())]).toEqual([0, null, true]);
});

test('a batch that names others is kept back, and given whole when the last of them is there', async () => {
  known.add(1);
  const { reader, inner } = await reading([framed(1), framed(17), framed(18), framed(17), framed(1), framed(1)], 4);
  expect(poll(reader)).toBeNull();
  expect(asked.map(({ id }) => id)).toEqual([17, 18]);
  // it has not come yet, as far as anybody can see
  expect(inner.position).not.toEqual({ offset: 0 });
  expect(reader.position).toEqual({ offset: 0 });
  expect(reader.reached(reader.end())).toBe(false);
  expect(poll(reader)).toBeNull();
  asked[0].settle();
  await settled();
  expect([poll(reader), asked.length]).toEqual([null, 2]);
  asked[1].settle();
  await settled();
  const all: number[] = [];
  for (let some = poll(reader); some !== null; some = poll(reader)) all.push(...some);
  expect(all).toEqual([0, 1, 2, 3, 4, 5]);
  expect(reader.position).toEqual({ offset: 6 });
  expect(reader.reached(reader.end())).toBe(true);
});

test('what fetching failed with is thrown once; then it is tried again', async () => {
  const { reader } = await reading([framed(17)]);
  expect(poll(reader)).toBeNull();
  asked[0].settle(new Error('gone'));
  await settled();
  expect(() => reader.poll(1)).toThrow('gone');
  expect(reader.position).toEqual({ offset: 0 });
  expect(poll(reader)).toBeNull();
  asked[1].settle();
  await settled();
  expect(poll(reader)).toEqual([0]);
});

test('an id that is not known for long is asked for again', async () => {
  const { reader } = await reading([framed(17)]);
  poll(reader);
  asked[0].settle();
  await settled();
  known.clear();
  expect([poll(reader), asked.length]).toEqual([null, 2]);
});

test('a seek, a limit and a close forget the batch kept back', async () => {
  const { reader } = await reading([framed(17), framed(1), framed(1)], 1);
  known.add(1);
  poll(reader);
  reader.seek({ offset: 2 });
  expect(reader.position).toEqual({ offset: 2 });
  expect(poll(reader)).toEqual([2]);
  asked[0].settle(new Error('of the batch before'));
  await settled();
  expect(poll(reader)).toBeNull();
  reader.seek({ offset: 0 });
  expect(poll(reader)).toBeNull();
  reader.limit({ offset: 0 });
  expect(reader.reached({ offset: 0 })).toBe(true);
  asked[1].settle();
  await settled();
  expect(poll(reader)).toBeNull();
  reader.limit(null);
  expect(poll(reader)).toEqual([0, 1, 2]);
  known.delete(17);
  reader.seek({ offset: 0 });
  poll(reader);
  reader.close();
  asked[2].settle();
  await settled();
  expect(asked).toHaveLength(3);
});
