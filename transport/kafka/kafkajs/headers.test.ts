import { expect, test } from 'vitest';
import { blockSize, headersOf, writeBlock } from './headers.ts';
import type { IHeaders } from './library.ts';

const written = (headers: IHeaders) => {
  const target = Buffer.alloc(blockSize(headers));
  expect(writeBlock(headers, target, 0)).toBe(target.length);
  return target;
};

test('a block becomes an object and the block again', () => {
  const block = Buffer.from([8, 2, 0x61, 2, 0x78, 2, 0x61, 0, 4, 0x62, 0x62, 4, 0xff, 0x00, 18, ...Buffer.from('__proto__'), 2, 0x79]);
  const headers = headersOf(block, 0, block.length) as IHeaders;
  expect(Object.keys(headers)).toEqual(['a', 'bb', '__proto__']);
  expect(written(headers)).toEqual(block);
});

test('no headers take no bytes; a null value is written as such', () => {
  expect(headersOf(Buffer.alloc(1), 0, -1)).toBeUndefined();
  expect(blockSize({})).toBe(0);
  expect(writeBlock({}, Buffer.alloc(0), 0)).toBe(0);
  expect(written({ n: null } as unknown as IHeaders)).toEqual(Buffer.from([2, 2, 0x6e, 1]));
});

test('what kafkajs makes of names that every object has is left out', () => {
  const odd = { constructor: [Object, Buffer.from('v')] } as unknown as IHeaders;
  expect(written(odd)).toEqual(Buffer.from([2, 22, ...Buffer.from('constructor'), 2, 0x76]));
});
