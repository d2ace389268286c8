import type { BatchAppender } from '@millrace/transport/batchappender.ts';
import { appendEntry } from '@millrace/transport/kafka/ledger-records.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { expect, test } from 'vitest';
import { readLedger } from './cluster-ledger.ts';

test('what stands under a prefix: the last value of each key, in the order of the keys, however long', async () => {
  const { log } = openMemory();
  await log.ensure('shop.ledger', 4);
  const out = log.appender('shop.ledger') as BatchAppender;
  const long = Buffer.alloc(2_000_000, 'x');
  const put = (key: string, value: Uint8Array | null, old = 0): void => appendEntry(out, 'session', 1, key, value, old);
  put('model/shop/b', Buffer.from('first'));
  put('model/shop/gone', Buffer.from('there'));
  put('model/shopping/a', Buffer.from('of another'));
  put('p/shop/t/stage.1/progress', Buffer.from('of a task'));
  put('model/shop/b', Buffer.from('second'));
  put('model/shop/gone', null);
  put('model/shop/a', long);
  await out.flush();
  const found = await readLedger(log, 'shop.ledger', 'model/shop/');
  expect(found.map(([key]) => key)).toEqual(['model/shop/a', 'model/shop/b']);
  expect(Buffer.from(found[0]?.[1] as Uint8Array).equals(long)).toBe(true);
  expect(Buffer.from(found[1]?.[1] as Uint8Array).toString()).toBe('second');
  expect(await readLedger(log, 'shop.ledger', 'analyze/')).toEqual([]);
});
