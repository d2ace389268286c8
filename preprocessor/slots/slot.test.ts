import { MillraceError } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import { FakeCluster } from './fake-parts.case.ts';
import { whyLost } from './slot.ts';

const gone = new MillraceError('records_gone', 'what it was to read is not there any more');

test('a failure in a slot that another has taken means that: what it read was cut away by the other', async () => {
  const cluster = new FakeCluster();
  const part = await cluster.process('a').parts.part(1);
  expect(await whyLost(gone, part, 'sales', 1)).toBe(gone);
  await cluster.process('b').parts.part(1);
  expect(await whyLost(gone, part, 'sales', 1)).toMatchObject({ code: 'fenced' });
});

test('a failure that nobody else made is told as it is, also where the log cannot be asked', async () => {
  const cluster = new FakeCluster();
  const a = cluster.process('a');
  const part = await a.parts.part(1);
  a.kill();
  expect(await whyLost(gone, part, 'sales', 1)).toBe(gone);
});
