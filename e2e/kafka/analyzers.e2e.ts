/**
 * Several processes with an analyzer, without Redis, as a user starts them: one of them works on the batches and the others stand by, and whoever leaves, dies or stands still, the answer is
 * that of one process that nobody disturbs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { alerts } from '../support/kafka/alerts-pair.ts';
import { type Crew, type CrewOptions, type Hand, until } from '../support/kafka/crew.ts';
import { CrewSuite } from '../support/kafka/crew-suite.ts';
import { records, TO_END } from '../support/kafka/running.ts';
import { describeKafka } from '../support/kafka.ts';

const SALES = 24_000;
const MINUTES = 60_000;
const ANALYZE: readonly string[] = ['--only', 'analyze'];
const RECORDS: readonly string[] = ['--only', 'preprocess'];

/** what a process says of its place among the analyzers */
const PLACE = /^\w+ (standing_by Another process has the analyzer|analyzer_taken|taking_over)/;

/** Whether it has said last that another has the analyzer. */
function standsBy({ run }: Hand): boolean {
  const last = run.said.split('\n').findLast((line) => PLACE.test(line));
  return last !== undefined && !last.includes('taking_over');
}

const times = ({ run }: Hand, code: string): number => run.said.split('\n').filter((line) => line.includes(` ${code} `)).length;

describeKafka('processes that have one analyzer between them', () => {
  const suite = new CrewSuite('analyzers', alerts('analyzers', SALES));
  let crew: Crew;

  async function lay(tag: string, options?: CrewOptions): Promise<void> {
    crew = await suite.lay(tag, options);
  }

  const dear = (): Promise<number> => records(suite.broker.brokers, `${crew.tag}.dear`);

  /** Waits for more of what only the analyzer writes. */
  async function goesOn(): Promise<void> {
    const before = await dear();
    await until('the analyzer goes on', async () => (await dear()) > before);
  }

  /** Waits until all but one stand by, and gives that one. */
  async function leader(...hands: readonly Hand[]): Promise<Hand> {
    await until('all but one stand by', () => hands.filter((hand) => !standsBy(hand)).length === 1);
    return hands.find((hand) => !standsBy(hand)) as Hand;
  }

  const other = (hands: readonly Hand[], one: Hand): Hand => hands.find((hand) => hand !== one) as Hand;

  async function takesOver(hand: Hand, seconds = 120): Promise<void> {
    const began = performance.now();
    await until(`${hand.name} takes over`, () => !standsBy(hand), seconds);
    await goesOn();
    console.log(`${crew.tag}: ${hand.name} works again after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }

  test('the same command twice, and the one that analyzes is killed', { timeout: 5 * MINUTES }, async () => {
    await lay('killed', { fed: 0 });
    const hands = [crew.start('a'), crew.start('b')];
    const feed = crew.feed(0, SALES, 400);
    const first = await leader(...hands);
    const second = other(hands, first);
    await goesOn();
    await sleep(2_000);
    expect(hands.map(({ over }) => over)).toEqual([null, null]);
    expect(times(second, 'standing_by')).toBe(1);
    await first.run.kill();
    await takesOver(second);
    // it comes back, and stands by
    const back = crew.start(`${first.name}-again`, [], { dataDir: `data-${first.name}` });
    expect(await leader(second, back)).toBe(second);
    await feed;
    await suite.finish();
    expect(crew.said).not.toMatch(/fenced|analyzer_taken|group_lost/);
  });

  test('each stage in processes of its own: who leaves is followed at once, also on one data directory', { timeout: 5 * MINUTES }, async () => {
    await lay('leaves', { fed: 0, client: 'kafkajs' });
    crew.start('records', RECORDS);
    const dataDir = 'data';
    const hands = ['a', 'b', 'c'].map((name) => crew.start(name, ANALYZE, { dataDir }));
    const feed = crew.feed(0, SALES, 300);
    for (let left = hands; left.length > 1; ) {
      const first = await leader(...left);
      await goesOn();
      left = left.filter((hand) => hand !== first);
      expect(await first.run.kill('SIGTERM'), first.run.said).toMatchObject({ code: 0 });
      await until('one of the others takes over', () => left.some((hand) => !standsBy(hand)), 9);
      await goesOn();
    }
    await feed;
    await suite.finish();
    expect(crew.said).not.toMatch(/fenced|analyzer_taken|group_lost/);
  });

  test.each([null, 'analyze.offsets:3:stop', 'kafka.appended:7:stop', 'analyze.committed:4:stop'])(
    'one that stands still (at %s) is followed; when it wakes up it says so and stands by, and has the analyzer back when the other dies',
    { timeout: 5 * MINUTES },
    async (point) => {
      await lay(`still-${point?.split(':')[0]?.replace('.', '-') ?? 'anywhere'}`, {
        fed: 0,
        more: `visibility: ${point === null ? 'immediate' : 'transactional'}`,
      });
      crew.start('records', RECORDS);
      const feed = crew.feed(0, SALES, 400);
      const a = crew.start('a', ANALYZE, point === null ? {} : { env: { MILLRACE_PROBE: point } });
      if (point === null) await goesOn();
      else await Promise.race([a.run.saw(`probe ${point.split(':')[0]}\n`), a.run.finished]);
      const b = crew.start('b', ANALYZE);
      if (point === null) {
        expect(await leader(a, b)).toBe(a);
        a.run.child.kill('SIGSTOP');
      }
      await takesOver(b);
      await sleep(1_000);
      a.run.child.kill('SIGCONT');
      // in the middle of a batch it is its commit that is refused; between two the group may tell it first
      const midBatch = point !== null && !point.startsWith('analyze.committed');
      const followed = (): boolean => times(a, 'analyzer_taken') === 1 || (!midBatch && times(a, 'group_lost') > 0);
      await until('a says that it was followed, and stands by', () => followed() && times(a, 'standing_by') === 1);
      await goesOn();
      expect(times(b, 'analyzer_taken')).toBe(0);
      await b.run.kill();
      await takesOver(a);
      await feed;
      await suite.finish();
    },
  );

  test('to the end of the input: all end when the analyzer has come to it, and again', { timeout: 5 * MINUTES }, async () => {
    await lay('end');
    for (const rows of [suite.laid.expected['scored']?.length, 0]) {
      const hands = ['a', 'b', 'c'].map((name) => crew.start(`${name} ${rows}`, TO_END, { dataDir: `data-${name}` }));
      let taken = 0;
      for (const { run } of hands) {
        const { code, stderr, stdout } = await run.finished;
        expect(code, stderr).toBe(0);
        const summary = JSON.parse(stdout.trim().split('\n').at(-1) as string);
        expect(summary).toMatchObject({ event: 'done', finished: true });
        taken += summary.analyze.rows_in;
      }
      expect(taken).toBe(rows);
    }
    expect(await crew.wrong()).toBe('');
    expect(crew.said).not.toMatch(/fenced|_taken|group_lost/);
  });

  test('to the end of the input: where the one that analyzes dies, another comes to it', { timeout: 5 * MINUTES }, async () => {
    await lay('end-killed', { commitEvery: 50 });
    const hands = [crew.start('a', TO_END), crew.start('b', TO_END)];
    const first = await leader(...hands);
    await first.run.kill();
    const { code, stderr } = await other(hands, first).run.finished;
    expect(code, stderr).toBe(0);
    expect(await crew.wrong()).toBe('');
  });
});
