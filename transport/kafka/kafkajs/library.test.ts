import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { openLibrary } from './library.ts';

test('connections on which an answer is still due can be cut', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const brokers = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  const library = openLibrary({ brokers, client: 'kafkajs', tls: null, sasl: null, clientId: 'test', patience: 60_000, prefetch: 1, arrived: () => {} });
  const connecting = library.admin.connect().catch(() => 'failed');
  const [socket] = (await once(server, 'connection')) as [Socket];
  // what it asks first is never answered
  await once(socket, 'data');
  library.abandon();
  await once(socket, 'close');
  expect(await connecting).toBe('failed');
  server.close();
});
