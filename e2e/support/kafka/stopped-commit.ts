/** A process that commits once, and once more up to where the transaction is to end, or has just ended; says so on stdout and waits to be killed. */
import { systemClock } from '@millrace/runtime/clock.ts';
import { append } from '@millrace/transport/append.case.ts';
import type { KafkaSettings } from '@millrace/transport/kafka/client.ts';
import { openOwner } from '@millrace/transport/kafka/one-owner.case.ts';
import { openClient } from '@millrace/transport/kafka/open-client.ts';

interface Wanted {
  readonly settings: KafkaSettings;
  readonly dataDir: string;
  readonly pipeline: string;
  readonly host: string;
  readonly stop: 'before' | 'behind';
}

const { settings, dataDir, pipeline, host, stop } = JSON.parse(process.argv[2] ?? '') as Wanted;
let second = false;
const transport = await openOwner({
  settings,
  dataDir,
  pipeline,
  host,
  clock: systemClock,
  create: true,
  replication: 1,
  partitions: 2,
  async open(options) {
    const client = await openClient(options);
    return {
      ...client,
      async transactional(id) {
        const producer = await client.transactional(id);
        return {
          append: (records) => producer.append(records),
          abort: () => producer.abort(),
          async commit() {
            if (!second || stop === 'behind') await producer.commit();
            if (!second) return;
            console.log(stop);
            return new Promise(() => {});
          },
        };
      },
    };
  },
});
await transport.log.ensure(`${pipeline}.out`, 1);
const out = transport.log.appender(`${pipeline}.out`);
append(out, 0, { key: null, value: Buffer.from('first') });
await transport.commit({ appenders: [out], puts: [['n', Buffer.from('1')]] });
second = true;
append(out, 0, { key: null, value: Buffer.from('second') });
await transport.commit({ appenders: [out], puts: [['n', Buffer.from('2')]] });
