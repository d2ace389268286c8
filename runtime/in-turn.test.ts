import { expect, test } from 'vitest';
import { InTurn } from './in-turn.ts';

test('what is there is done at once, until something has to wait; then all in order', async () => {
  const done: string[] = [];
  const order = new InTurn();
  const take = (value: string | Promise<string>): void => order.take(value, (text) => void done.push(text));
  take('a');
  expect([done, order.waits]).toEqual([['a'], false]);
  let arrive = (_: string): void => {};
  take(new Promise((resolve) => (arrive = resolve)));
  take('c');
  take(Promise.resolve('d'));
  expect([done, order.waits]).toEqual([['a'], true]);
  const settled = order.settle();
  await Promise.resolve();
  take('e');
  expect(done).toEqual(['a']);
  arrive('b');
  await settled;
  expect([done, order.waits]).toEqual([['a', 'b', 'c', 'd', 'e'], false]);
  take('f');
  expect(done.at(-1)).toBe('f');
  await order.settle();
});

test('the first error is told by settle, nothing behind it is done, and no rejection goes astray', async () => {
  const done: string[] = [];
  const order = new InTurn();
  order.take(Promise.reject(new Error('gone')), () => void done.push('never'));
  order.take('behind', (text) => void done.push(text));
  order.take(Promise.reject(new Error('another')), () => void done.push('never'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(order.settle()).rejects.toThrow('gone');
  await expect(order.settle()).rejects.toThrow('gone');
  expect(done).toEqual([]);
});
