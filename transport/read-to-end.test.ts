import { expect, test } from 'vitest';
import { append } from './append.case.ts';
import { openLate } from './late.case.ts';
import type { Transport } from './log.ts';
import { openMemory } from './memory.ts';
import { readToEnd } from './read-to-end.ts';

test.each([
  ['at once', openMemory],
  ['once it is fetched', () => openLate(openMemory())],
])('hands on what is there when called, %s', async (_, open) => {
  const transport: Transport = open();
  await transport.log.ensure('t', 2);
  const out = transport.log.appender('t');
  for (let n = 0; n < 30; n++) append(out, n % 2, { key: null, value: Buffer.from(String(n)) });
  await transport.commit({ appenders: [out], puts: [] });
  const reader = transport.log.reader('t', 1, { offset: 3 });
  const read: string[] = [];
  const take: Parameters<typeof readToEnd>[4] = (view) => {
    for (let i = 0; i < view.count; i++) read.push(view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i]));
  };
  await readToEnd(transport.log, 't', 1, reader, take);
  expect(read).toEqual(Array.from({ length: 12 }, (_, i) => String(7 + 2 * i)));
  await readToEnd(transport.log, 't', 1, reader, take);
  expect(read).toHaveLength(12);
  await readToEnd(transport.log, 't', 0, transport.log.reader('t', 0, { offset: 15 }), take);
  expect(read).toHaveLength(12);
});
