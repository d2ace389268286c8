import { seededRandom } from '@millrace/runtime/random.ts';
import { FileRegistry } from '@millrace/shared-schemas/registry/file.ts';
import { openLate } from '@millrace/transport/late.case.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.case.ts';
import { shops, shopYaml } from './shop.case.ts';
import { freshSource, Source } from './sources/source.ts';

/** What the analyzer leaves must not depend on how late its transport answers. */
const yaml = shopYaml(`  queries:
    - { id: per_shop, type: aggregate, from: sales, group_by: [shop], window: { tumbling: 10s }, watermark: bridge, select: { n: "count(*)", total: "sum(amount)" } }
    - { id: seen, type: aggregate, from: notes, window: { tumbling: 2s }, watermark: 1s, where: "9223372036854775800 + id % 12 > 0", select: { n: "count(*)" } }
  sinks:
    - { id: windows, from: per_shop, type: file, path: windows.jsonl, format: json }
    - { id: notes_out, from: seen, type: topic, topic: seen }
`);

const made = shops();

async function filled(): Promise<Harness> {
  const of = await made(yaml);
  const random = seededRandom(3);
  for (let i = 0; i < 300; i++) {
    of.write('sales', random.below(2), [{ t: i * 500, row: { shop: `shop${random.below(3)}`, amount: random.below(100) } }], i % 2, i * 500 - 1000);
    of.write('notes', i % 2, [{ t: 0, row: { id: i, at: i * 700 - random.below(9) * 1000 } }]);
    if (i % 40 === 20) of.raw('notes', i % 2, `broken ${i}`);
  }
  return of;
}

function left(of: Harness): object {
  return { windows: of.lines('windows.jsonl'), seen: of.topic('seen'), dead: of.topic('shop.dead') };
}

describe('over a transport that answers late', () => {
  it.each([0, 1, 2])('leaves what it leaves over one that answers at once (deaths by %i)', async (seed) => {
    const calm = await filled();
    await calm.run({ maxRecords: 70 });
    const of = await filled();
    let life = 3;
    let lives = seed === 0 ? 0 : 6;
    const die = (): void => {
      if (lives === 0 || --life > 0) return;
      life = 2 + (lives % 3);
      lives--;
      throw new Error('killed');
    };
    if (seed === 1) of.transport.beforeCommit = die;
    else of.transport.afterCommit = die;
    for (let done = false; !done; )
      done = await of.run({ maxRecords: 70, transport: openLate(of.transport) }).then(
        () => true,
        (error: Error) => {
          if (error.message !== 'killed') throw error;
          return false;
        },
      );
    expect(lives).toBe(0);
    expect(left(of)).toEqual(left(calm));
    const dead = of.topic('shop.dead');
    expect(dead.filter(({ value }) => value.startsWith('broken'))).toHaveLength(7);
    expect(dead.filter(({ headers }) => headers['error.record'] !== undefined)).toHaveLength(100);
  });

  const host = {
    registry: new FileRegistry('/nowhere'),
    inHand: { eventTime: 0, judged: 0, origin: 0, offset: 0 },
    row: {},
    next: () => {},
    flaw: () => {},
  };

  it('hears of writers that are listed after it was opened', async () => {
    const of = await made(yaml);
    of.writers('sales', []);
    const plan = of.plan.analyze.sources[0];
    const source = await Source.open(plan, freshSource(), 0, { ...host, log: openLate(of.transport).log });
    of.writers('sales', [4, 5]);
    expect(await source.writers()).toEqual([4, 5]);
  });

  it('says so when a topic does not reach as far as it was seen to', async () => {
    const of = await filled();
    const plan = of.plan.analyze.sources[1];
    for (const { log } of [of.transport, openLate(of.transport)]) {
      const source = await Source.open(plan, freshSource(), 0, { ...host, log });
      const [end] = await source.ends();
      await expect(source.read([[0, end + 1]], null)).rejects.toMatchObject({ code: 'log_too_short' });
      (source.core.partitions[0] as { offset: number }).offset = end + 1;
      await expect(source.ends()).rejects.toMatchObject({ code: 'log_too_short' });
    }
  });

  it('refuses a topic that was made anew once records of it were read, and not before', async () => {
    const of = await filled();
    const named = ({ transport: bare }: Harness, identity: string): Transport => {
      const transport = openLate(bare);
      return { ...transport, log: { ...transport.log, identity: async (topic) => (topic === 'notes' ? identity : null) } };
    };
    await of.run({ maxRecords: 70, transport: named(of, 'first') });
    const before = left(of);
    await expect(of.run({ maxRecords: 70, transport: named(of, 'second') })).rejects.toMatchObject({ code: 'topic_made_anew' });
    await of.run({ maxRecords: 70, transport: named(of, 'first') });
    expect(left(of)).toEqual(before);
    const unread = await made(yaml);
    await unread.run({ maxRecords: 70, transport: named(unread, 'first') });
    await unread.run({ maxRecords: 70, transport: named(unread, 'second') });
  });
});
