import { expect, test } from 'vitest';
import { identify } from './identities.ts';
import type { Log } from './log.ts';

const logOf = (ids: Record<string, string>): Log => ({ identity: async (topic: string) => ids[topic] ?? null }) as unknown as Log;
const all = (): boolean => true;

test('topics are known by what tells them from others of their name', async () => {
  expect(await identify(logOf({ a: '1', b: '2' }), ['a', 'b', 'a', 'new'], {}, all)).toEqual({ a: '1', b: '2' });
  expect(await identify(logOf({ a: '1', b: '2' }), ['a', 'b'], { a: '1' }, all)).toEqual({ a: '1', b: '2' });
});

test('what nobody can say now stays as it was, and what is not read any more is forgotten', async () => {
  expect(await identify(logOf({}), ['a'], { a: '1', b: '2' }, all)).toEqual({ a: '1' });
  expect(await identify({} as Log, ['a'], { a: '1' }, all)).toEqual({ a: '1' });
  expect(await identify({} as Log, ['a'], {}, all)).toEqual({});
});

test('another topic of the same name is refused, unless nothing of it was read', async () => {
  const anew = logOf({ a: '2' });
  await expect(identify(anew, ['a'], { a: '1' }, all)).rejects.toMatchObject({
    code: 'topic_made_anew',
    message: expect.stringContaining('Topic a ') as string,
  });
  expect(await identify(anew, ['a'], { a: '1' }, () => false)).toEqual({ a: '2' });
});
