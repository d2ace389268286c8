/** Analyzers and their workers on a cluster: they share the batches, one analyzer stands by for the other, and however often they come and go, few copies of the ledger are left. */
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Millrace } from '../support/cli.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { topicsOnly } from '../support/kafka/pairs.ts';
import { begun, start, TO_END } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference } from '../support/kills.ts';
import { describeRedis, RedisServer } from '../support/redis.ts';
import { stopped, well } from '../support/redis-jobs.ts';

describeKafka('workers', () =>
  describeRedis('on a cluster', () => {
    const base = mkdtempSync(join(tmpdir(), 'millrace-workers-'));
    let broker: Broker;
    let redis: RedisServer;
    let laid: Laid;
    beforeAll(async () => {
      redis = await RedisServer.start();
      [broker, laid] = await Promise.all([startBroker(), layPair(topicsOnly('workers', 20_000), base)]);
    });
    afterAll(async () => {
      await Promise.all([broker?.close(), redis?.close()]);
      rmSync(base, { recursive: true, force: true });
    });

    async function laidFor(tag: string): Promise<string> {
      const dir = join(base, tag);
      await onKafka(laid, broker.brokers, dir, tag);
      appendFileSync(join(dir, 'kafka.yaml'), `redis: { url: "${redis.url}" }\n`);
      return dir;
    }

    async function expectEqual(dir: string, tag: string): Promise<void> {
      const { own, foreign } = await kafkaAnswers(laid.pair, broker.brokers, dir, tag);
      expect(difference(laid.expected, own)).toBe('');
      expect(difference(laid.expected, foreign)).toBe('');
    }

    test('share the batches, and leave a copy each', async () => {
      const tag = 'shared';
      const dir = await laidFor(tag);
      const worker = (): Millrace => new Millrace(['worker', 'pipeline.yaml', '--profile', 'kafka.yaml', '--data-dir', 'data', '--json'], { cwd: dir });
      const copies = (): string[] => readdirSync(join(dir, 'data/kafka')).filter((name) => name.includes('.work.'));
      // those that come and go before there is anything to do
      for (let n = 0; n < 2; n++) {
        const two = [worker(), worker()];
        await Promise.all(two.map((one) => one.saw('info waiting')));
        // one leaves in order, one does not
        await stopped(two[0] as Millrace);
        await (two[1] as Millrace).kill();
      }
      expect(copies()).toHaveLength(2);
      const two = [worker(), worker()];
      await Promise.all(two.map((one) => one.saw('info waiting')));
      await well(start(dir, TO_END));
      const jobs = await Promise.all(two.map(stopped));
      for (const done of jobs) expect(done).toBeGreaterThan(0);
      expect(copies()).toHaveLength(2);
      await expectEqual(dir, tag);
    });

    test('of two analyzers one stands by, and goes on where the other has died', { timeout: 300_000 }, async () => {
      const tag = 'two';
      const dir = await laidFor(tag);
      await well(start(dir, [...TO_END, '--only', 'preprocess']));
      const one = start(dir, ['--only', 'analyze']);
      expect(await begun(one, broker.brokers, `${tag}.dear`)).toBe(true);
      const two = start(dir, [...TO_END, '--only', 'analyze'], { dataDir: 'elsewhere' });
      await two.saw(' standing_by ');
      await sleep(3000);
      expect([one.child.exitCode, two.child.exitCode]).toEqual([null, null]);
      await one.kill();
      await well(two);
      await expectEqual(dir, tag);
      // nobody leads any more
      await well(start(dir, [...TO_END, '--only', 'analyze'], { dataDir: 'third' }));
    });
  }),
);
