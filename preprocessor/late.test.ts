import { rmSync } from 'node:fs';
import { seededRandom } from '@millrace/runtime/random.ts';
import { openLate } from '@millrace/transport/late.case.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { constant, Decider, expected, type Payment, pipeline, probability, Shop, START } from './swap.case.ts';

/** What the stage leaves must not depend on how late its transport answers. */
const exchanged = pipeline({ swap: 'immediate' }).replace(
  '    - { id: live,',
  '    - { id: recent, type: rolling, key: id, range: 1m, add: { n: "count(*)" } }\n    - { id: odd, type: window, key: id, window: { tumbling: 1s }, late: dead_letter, select: { n: "count(*)" } }\n    - { id: live, from: recent,',
);
const partitions = [0, 1, 2].map((p): Payment[] => {
  const random = seededRandom(9, p);
  return Array.from({ length: 400 }, (_, i) => ({
    id: `${p}-${String(i).padStart(4, '0')}`,
    amount: random.below(100),
    at: START + p * 20_000 + i * 1500 - random.below(9) * 1000,
  }));
});

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => rmSync(shop.dir, { recursive: true, force: true }));

async function filled(yaml: string): Promise<Shop> {
  const made = await new Shop().load(yaml);
  for (const [p, payments] of partitions.entries()) {
    made.pay([[], [], []]);
    for (const [i, payment] of payments.entries()) {
      made.append('payments', p, JSON.stringify(payment));
      if (i % 50 === 7) made.append('payments', p, `broken ${p} ${i}`);
    }
  }
  return made;
}

function dead(of: Shop): string[] {
  const found: string[] = [];
  const { log } = of.transport;
  for (let p = 0; p < (log.topic('shop.dead')?.partitions ?? 0); p++) {
    const reader = log.reader('shop.dead', p, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20))
      for (let i = 0; i < view.count; i++) found.push(`${p} ${view.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])}`);
  }
  return found;
}

async function untilDone(): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    try {
      await shop.run({ maxRecords: 30, transport: openLate(shop.transport) });
      return deaths;
    } catch (error) {
      if ((error as Error).message !== 'killed') throw error;
    }
  }
}

describe('over a transport that answers late', () => {
  it.each([0, 1, 2])('leaves records and dead letters as over one that answers at once (deaths by %i)', async (seed) => {
    const calm = await filled(exchanged);
    calm.decide(null, calm.store(constant(2)));
    await calm.run({ maxRecords: 30 });
    shop = await filled(exchanged);
    shop.decide(null, shop.store(constant(2)));
    let life = 4;
    let lives = 6;
    const random = seededRandom(seed);
    const die = (): void => {
      if (lives === 0 || --life > 0) return;
      life = 2 + random.below(9);
      lives--;
      throw new Error('killed');
    };
    if (seed === 1) shop.transport.beforeCommit = die;
    if (seed === 2) shop.transport.afterCommit = die;
    const deaths = await untilDone();
    if (seed > 0) expect(deaths).toBe(6);
    expect(shop.scored()).toEqual(calm.scored());
    expect(shop.scored().length).toBe(1200);
    expect(new Set(shop.scored().map(({ p }) => p))).toEqual(new Set([probability(2)]));
    expect(dead(calm).filter((line) => line.includes('broken'))).toHaveLength(24);
    // of one task in its order; which task is at which record when is not settled
    for (const p of [0, 1])
      expect(
        dead(shop)
          .filter((line) => line.startsWith(`${p} `))
          .sort(),
      ).toEqual(
        dead(calm)
          .filter((line) => line.startsWith(`${p} `))
          .sort(),
      );
    rmSync(calm.dir, { recursive: true, force: true });
  });

  it('begins with the model that was promoted last, and swaps at event time', async () => {
    await shop.load(pipeline());
    shop.pay(partitions);
    const decider = new Decider(shop);
    const working = decider.work();
    await shop.run({ transport: openLate(shop.transport) });
    decider.stop();
    await working;
    expect(shop.scored()).toEqual(expected(partitions));
  });
});
