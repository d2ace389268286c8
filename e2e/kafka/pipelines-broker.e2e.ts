/**
 * A broker that dies, stands still or is away, and a network that delays and cuts: a run waits, says so, and goes on. `MILLRACE_LONG=1` also keeps
 * brokers away for a minute, over kafkajs too, and kills those of a cluster.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Network } from '../support/kafka/network.ts';
import { kafkaAnswers, type Laid, layPair, onKafka } from '../support/kafka/pair.ts';
import { both } from '../support/kafka/pairs.ts';
import { begun, start, TO_END } from '../support/kafka/running.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';
import { difference } from '../support/kills.ts';

const MINUTES = 60_000;
const long = process.env['MILLRACE_LONG'] === '1';
/** s; a client's own patience is over after 30 */
const AWAY = long ? 60 : 35;

describeKafka('a broker that fails under a run', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-broker-'));
  let broker: Broker;
  let network: Network;
  let laid: Laid;
  let port = 0;
  beforeAll(async () => {
    network = await Network.start(() => port);
    [broker, laid] = await Promise.all([startBroker({ advertise: () => network.port }), layPair(both('faults', 40_000), base)]);
    port = broker.ports[0] as number;
  });
  afterAll(async () => {
    network?.close();
    await broker?.close();
    rmSync(base, { recursive: true, force: true });
  });

  async function expectEqual(dir: string, tag: string, brokers = broker.brokers): Promise<void> {
    const { own, foreign } = await kafkaAnswers(laid.pair, brokers, dir, tag);
    expect(difference(laid.expected, own)).toBe('');
    expect(difference(laid.expected, foreign)).toBe('');
  }

  /** What a run to the end says of brokers during which `trouble` is made, as soon as it has written something. */
  async function through(tag: string, client: 'fast' | 'kafkajs', trouble: () => Promise<void>): Promise<string[]> {
    const dir = join(base, tag);
    await onKafka(laid, broker.brokers, dir, tag, { client });
    const run = start(dir, TO_END);
    const wrote = await begun(run, broker.brokers, `${tag}.scored`);
    expect(wrote, run.said).toBe(true);
    await trouble();
    const { code, stderr } = await run.finished;
    expect(code, stderr).toBe(0);
    await expectEqual(dir, tag);
    return stderr.split('\n').filter((line) => /^\w+ brokers?_/.test(line));
  }

  for (const client of ['fast', 'kafkajs'] as const) {
    test(`${client}: stands still for 20 s`, { timeout: 4 * MINUTES }, async () => {
      await through(`pause-${client}`, client, async () => {
        broker.pause();
        await sleep(20_000);
        broker.resume();
      });
    });

    test.runIf(long || client === 'fast')(`${client}: away for ${AWAY} s`, { timeout: 5 * MINUTES }, async () => {
      const said = await through(`away-${client}`, client, async () => {
        // over kafkajs a commit that ends at that moment may stay open for good (markers.e2e.ts), however the broker goes
        if (client === 'fast') await broker.kill();
        else await broker.stop();
        await sleep(AWAY * 1000);
        await broker.start();
      });
      expect(said).toEqual([expect.stringMatching(/^warn broker_unreachable /), expect.stringMatching(/^info brokers_back /)]);
    });

    test(`${client}: connections are cut in the middle of answers, refused, held up and late`, { timeout: 4 * MINUTES }, async () => {
      await through(`network-${client}`, client, async () => {
        const { weather } = network;
        for (let n = 0; n < 5; n++) {
          weather.cutAfter = 3000 + 7777 * n;
          await sleep(400);
          weather.cutAfter = Number.POSITIVE_INFINITY;
          await sleep(200);
          network.cut();
        }
        weather.closed = true;
        network.cut();
        await sleep(2000);
        weather.closed = false;
        weather.silent = true;
        await sleep(4000);
        weather.silent = false;
        weather.delay = 60;
        await sleep(3000);
        weather.delay = 0;
      });
      expect(network.cuts).toBeGreaterThan(5);
    });

    test(`${client}: a produce request is lost and what follows it passes, and the answer of another is lost`, { timeout: 4 * MINUTES }, async () => {
      const before = { ...network.seen };
      await through(`lost-${client}`, client, async () => {
        network.weather.produces.push('lose', 'pass', 'drop', 'pass', 'pass', 'lose');
      });
      expect(network.seen).toMatchObject({ lose: before.lose + 2, drop: before.drop + 1 });
    });
  }

  test.runIf(long)('three brokers, one after the other killed and started again', { timeout: 6 * MINUTES }, async () => {
    const cluster = await startBroker({ nodes: 3 });
    try {
      for (const client of ['fast', 'kafkajs'] as const) {
        const tag = `kill-${client}`;
        const dir = join(base, tag);
        await onKafka(laid, cluster.brokers, dir, tag, { client, replication: 3 });
        const run = start(dir, TO_END);
        const wrote = await begun(run, cluster.brokers, `${tag}.scored`);
        expect(wrote, run.said).toBe(true);
        for (const node of cluster.nodes) {
          await node.kill();
          await node.start();
        }
        const { code, stderr } = await run.finished;
        expect(code, stderr).toBe(0);
        await expectEqual(dir, tag, cluster.brokers);
      }
    } finally {
      await cluster.close();
    }
  });
});
