/**
 * Several processes of one record stage, as a user starts them: they share the slots, and whatever comes, goes or dies, the answer is that of one process that nobody disturbs, and in the
 * raw logs each writer's numbers go up by one. `MILLRACE_SEED` is the first seed of the random schedules, `MILLRACE_SEEDS` how many there are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@millrace/runtime/random.ts';
import { expect, test } from 'vitest';
import { type Hand, slotsOf, until, watchProgress } from '../support/kafka/crew.ts';
import { CrewSuite } from '../support/kafka/crew-suite.ts';
import { layPair } from '../support/kafka/pair.ts';
import { begun, records, TO_END } from '../support/kafka/running.ts';
import { shared } from '../support/kafka/shared-pair.ts';
import { describeKafka } from '../support/kafka.ts';

const SALES = 40_000;
const MINUTES = 60_000;
const first = Number(process.env['MILLRACE_SEED'] ?? 1);
const seeds = Number(process.env['MILLRACE_SEEDS'] ?? 2);

describeKafka('processes that share a pipeline', () => {
  const suite = new CrewSuite('slots', shared('slots', SALES));
  const shareOut = (...hands: Hand[]): Promise<void> => suite.shareOut(...hands);

  test('one, two, four, two, one under load: who leaves saves first, and slots that stay do not stop', { timeout: 5 * MINUTES }, async () => {
    const crew = await suite.lay('rescale', { fed: 0 });
    const a = crew.start('a');
    const feed = crew.feed(0, SALES, 400);
    expect(await begun(a.run, suite.broker.brokers, 'rescale.enriched')).toBe(true);
    const watch = watchProgress(suite.broker.brokers, 'rescale.enriched');
    await shareOut(a);
    const b = crew.start('b');
    await shareOut(a, b);
    const [c, d] = [crew.start('c'), crew.start('d')];
    await shareOut(a, b, c, d);
    await sleep(3_000);
    expect(await b.run.kill('SIGTERM')).toMatchObject({ code: 0 });
    expect(await d.run.kill('SIGTERM')).toMatchObject({ code: 0 });
    await shareOut(a, c);
    expect(await c.run.kill('SIGINT')).toMatchObject({ code: 0 });
    await shareOut(a);
    await sleep(2_000);
    const longest = await watch.stop();
    console.log(`longest rest of each partition, ms: ${[...longest].map(([p, ms]) => `${p}: ${Math.round(ms)}`).join(', ')}`);
    await feed;
    await suite.finish();
    for (const { run } of crew.all) expect(run.said).not.toMatch(/slot_taken|group_lost|fenced/);
    expect([...longest.keys()].sort()).toEqual([0, 1, 2, 3]);
    for (const [partition, ms] of longest) expect(ms, `partition ${partition}`).toBeLessThan(12_000);
  });

  test('two to the end of the input at the same time, and again, and again with new input', async () => {
    const crew = await suite.lay('both', { fed: 30_000 });
    for (const [from, to] of [
      [30_000, 30_000],
      [30_000, SALES],
      [SALES, SALES],
    ] as const) {
      const before = await records(suite.broker.brokers, `${crew.tag}.enriched`);
      await crew.feed(from, to, 1_000_000);
      const [a, b] = [crew.start('a', TO_END), crew.start('b', TO_END)];
      const all = await Promise.all([a.run.finished, b.run.finished]);
      for (const { code, stderr } of all) expect(code, stderr).toBe(0);
      const taken = all.map(({ stdout }) => JSON.parse(stdout.trim().split('\n').at(-1) as string));
      for (const summary of taken) expect(summary).toMatchObject({ event: 'done', finished: true });
      expect(taken[0].records_in + taken[1].records_in).toBe(from === to && before > 0 ? 0 : to - (before > 0 ? from : 0));
    }
  });

  test('killed: back on its data directory within the session it has its slots again; else others have them', { timeout: 6 * MINUTES }, async () => {
    const crew = await suite.lay('killed', { fed: 0 });
    const [a, b] = [crew.start('a'), crew.start('b')];
    const feed = crew.feed(0, SALES, 500);
    await shareOut(a, b);
    let back = a;
    for (let tries = 1; ; tries++) {
      const [mine, theirs] = [slotsOf(back), slotsOf(b)];
      const before = b.run.said.length;
      await back.run.kill();
      back = crew.start(`a-again-${tries}`, [], { dataDir: 'data-a' });
      const heard = (): string => b.run.said.slice(before);
      await until('it has its slots again, or the other has them', () => slotsOf(back)?.join() === mine?.join() || heard().includes('all 4 slots'));
      if (!heard().includes('info slots')) {
        expect(slotsOf(b)).toEqual(theirs);
        break;
      }
      // a start that takes longer than a session, on a busy machine, tells nothing
      expect(tries, 'starts that took longer than a session').toBeLessThan(4);
      await shareOut(back, b);
    }
    await back.run.kill();
    await until('the other has all', () => slotsOf(b)?.length === 4);
    const [c, d] = [crew.start('c'), crew.start('d')];
    await shareOut(b, c, d);
    await crew.kill();
    const [e, f] = [crew.start('b-again', [], { dataDir: 'data-b' }), crew.start('c-again', [], { dataDir: 'data-c' })];
    await shareOut(e, f);
    await feed;
    await suite.finish();
    for (const { run } of crew.all) expect(run.said).not.toMatch(/slot_taken|group_lost/);
  });

  test('killed while it spoke for a run to the end: the others end it', { timeout: 3 * MINUTES }, async () => {
    const crew = await suite.lay('spoke', { commitEvery: 50 });
    const a = crew.start('a', TO_END);
    const b = crew.start('b', TO_END);
    await until('both have slots', () => [a, b].every((hand) => (slotsOf(hand)?.length ?? 0) > 0));
    const speaks = slotsOf(a)?.includes(0) ? a : b;
    const other = speaks === a ? b : a;
    await speaks.run.kill();
    expect(await other.run.finished, other.run.said).toMatchObject({ code: 0 });
    expect(await crew.wrong()).toBe('');
    const again = await crew.start('again', TO_END).run.finished;
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout.trim().split('\n').at(-1) as string)).toMatchObject({ records_in: 0 });
  });

  test('what came after a run to the end was killed is answered by the next one, too', async () => {
    const crew = await suite.lay('interrupted', { fed: 30_000 });
    const a = crew.start('a', TO_END);
    await until('it works', () => slotsOf(a)?.length === 4);
    await a.run.kill();
    await crew.feed(30_000, SALES, 1_000_000);
    const { code, stderr } = await crew.start('a', TO_END).run.finished;
    expect(code, stderr).toBe(0);
    const dead = await records(suite.broker.brokers, 'interrupted.dead');
    expect(dead).toBeGreaterThan(0);
    const again = await crew.start('a', TO_END).run.finished;
    expect(JSON.parse(again.stdout.trim().split('\n').at(-1) as string)).toMatchObject({ records_in: 0 });
  });

  test('a process that stood still for longer than its session says which slots were taken, and takes part again', { timeout: 4 * MINUTES }, async () => {
    const crew = await suite.lay('still', { fed: 0 });
    const [a, b] = [crew.start('a'), crew.start('b')];
    const feed = crew.feed(0, SALES, 500);
    await shareOut(a, b);
    const mine = slotsOf(a) as readonly number[];
    a.run.child.kill('SIGSTOP');
    await until('the other has all', () => slotsOf(b)?.length === 4);
    await sleep(2_000);
    a.run.child.kill('SIGCONT');
    await until('it says so', () => mine.every((slot) => a.run.said.includes(`taken over slot ${slot}.`)));
    await shareOut(a, b);
    expect(b.run.said).not.toMatch(/slot_taken/);
    await feed;
    await suite.finish();
  });

  test('two on one data directory, stopped at once, and again', { timeout: 3 * MINUTES }, async () => {
    const crew = await suite.lay('one-directory', { fed: 0 });
    const dataDir = 'data';
    const feed = crew.feed(0, SALES, 1_000);
    for (let round = 0; round < 2; round++) {
      const [a, b] = [crew.start(`a${round}`, [], { dataDir }), crew.start(`b${round}`, [], { dataDir })];
      await shareOut(a, b);
      await sleep(2_000);
      for (const { run } of [a, b]) run.child.kill('SIGINT');
      for (const { run } of [a, b]) expect(await run.finished, run.said).toMatchObject({ code: 0 });
    }
    await feed;
    await suite.finish();
    for (const { run } of crew.all) expect(run.said).not.toMatch(/slot_taken|group_lost|already_running/);
  });

  test('more processes than slots: one stands by, and takes over when another leaves or dies', { timeout: 4 * MINUTES }, async () => {
    const crew = await suite.lay('standby', { fed: 0 });
    const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => crew.start(name));
    const feed = crew.feed(0, SALES, 500);
    const having = (count: number) => (): Hand[] => all.filter((hand) => hand.over === null && slotsOf(hand)?.length === count);
    const [idle, busy] = [having(0), having(1)];
    await until('four have one each, two stand by', () => busy().length === 4 && idle().length === 2, 90);
    expect(await (busy()[0] as Hand).run.kill('SIGTERM')).toMatchObject({ code: 0 });
    await until('one takes over from the one that left', () => busy().length === 4 && idle().length === 1);
    await (busy()[0] as Hand).run.kill();
    await until('one takes over from the one that died', () => busy().length === 4 && idle().length === 0);
    await feed;
    await suite.finish();
  });

  test('an edited file: refused while others run, taken when all have stopped', { timeout: 3 * MINUTES }, async () => {
    const crew = await suite.lay('edited', { fed: 20_000 });
    const [a, b] = [crew.start('a'), crew.start('b')];
    await shareOut(a, b);
    const file = join(crew.dir, 'pipeline.yaml');
    const more = 'outputs:\n    - { id: more, from: known, topic: edited.more, format: json, key: card }\n';
    writeFileSync(file, readFileSync(file, 'utf8').replace('outputs:\n', more));
    const refused = await crew.start('c').run.finished;
    expect(refused, refused.stderr).toMatchObject({ code: 1, stderr: expect.stringContaining('plan_changed') });
    expect(a.over ?? b.over).toBe(null);
    await suite.stop();
    const [d, e] = [crew.start('d'), crew.start('e')];
    await shareOut(d, e);
    await crew.feed(20_000, 21_000, 10_000);
    await until('the new output is written', async () => (await records(suite.broker.brokers, 'edited.more').catch(() => 0)) > 500);
    await suite.stop();
  });

  test('a broker that is restarted, and one that is away for half a minute', { timeout: 5 * MINUTES }, async () => {
    const crew = await suite.lay('away', { fed: 20_000 });
    const [a, b] = [crew.start('a'), crew.start('b')];
    await shareOut(a, b);
    await suite.broker.stop();
    await suite.broker.start();
    await sleep(3_000);
    await shareOut(a, b);
    await suite.broker.kill();
    await sleep(30_000);
    await suite.broker.start();
    const before = await records(suite.broker.brokers, `${crew.tag}.enriched`);
    await crew.feed(20_000, SALES, 5_000);
    await until('they go on', async () => (await records(suite.broker.brokers, `${crew.tag}.enriched`)) > before + 5_000);
    await shareOut(a, b);
    await suite.finish();
    for (const { run } of [a, b]) expect(run.said).not.toMatch(/defect/);
  });

  test('a file that is read and one that is written: one task each, wherever slot 0 is', { timeout: 4 * MINUTES }, async () => {
    const withFiles = await layPair(shared('files', 20_000, { files: true }), suite.base);
    const crew = await suite.lay('files', { fed: 10_000 }, withFiles);
    const [a, b] = [crew.start('a'), crew.start('b')];
    await shareOut(a, b);
    await sleep(1_000);
    const owner = slotsOf(a)?.includes(0) ? a : b;
    expect(await owner.run.kill('SIGTERM')).toMatchObject({ code: 0 });
    const other = owner === a ? b : a;
    await until('the other has all', () => slotsOf(other)?.length === 4);
    await crew.feed(10_000, 20_000, 5_000);
    const c = crew.start('c');
    await shareOut(other, c);
    await suite.finish();
  });

  test('a process with two threads and one with one, each with an instance of its own', { timeout: 4 * MINUTES }, async () => {
    const crew = await suite.lay('threads', { fed: 0 });
    const profile = readFileSync(join(crew.dir, 'kafka.yaml'), 'utf8');
    const named = (name: string): string => profile.replace('type: kafka', `type: kafka, instance: ${name}`);
    writeFileSync(join(crew.dir, 'kafka.yaml'), `${named('two-threads')}parallelism: 2\n`);
    const feed = crew.feed(0, SALES, 800);
    const a = crew.start('a');
    const said = (hand: Hand): string[] => hand.run.said.match(/^info slots .*$/gm) ?? [];
    await until('both threads work', () => said(a).filter((line) => /slots \d, \d of 4/.test(line)).length >= 2);
    writeFileSync(join(crew.dir, 'kafka.yaml'), named('one-thread'));
    const b = crew.start('b');
    await until('the other has a slot', () => slotsOf(b)?.length === 1);
    await sleep(2_000);
    await a.run.kill();
    await until('the other has all', () => slotsOf(b)?.length === 4);
    writeFileSync(join(crew.dir, 'kafka.yaml'), `${named('two-threads')}parallelism: 2\n`);
    const c = crew.start('a-again', [], { dataDir: 'data-a' });
    await until('both threads are back', () => said(c).length >= 2);
    await feed;
    await suite.finish();
    for (const { run } of crew.all) expect(run.said).not.toMatch(/slot_taken|group_lost|fenced/);
  });

  for (let seed = first; seed < first + seeds; seed++) {
    test(`seed ${seed}: processes come, leave, die and stand still`, { timeout: 5 * MINUTES }, async () => {
      const random = seededRandom(seed, 7);
      const crew = await suite.lay(`seed${seed}`, { fed: 0, more: `visibility: ${seed % 2 === 0 ? 'immediate' : 'transactional'}` });
      const feed = crew.feed(0, SALES, 600);
      const done: string[] = [];
      let n = 0;
      const join = (): Hand => crew.start(`p${++n}`, [], { dataDir: `data-${random.below(6)}` });
      join();
      join();
      join();
      for (const began = performance.now(); performance.now() - began < 60_000; ) {
        await sleep(1_000 + random.below(5_000));
        const { alive } = crew;
        const one = alive[random.below(alive.length)];
        const what =
          alive.length < 3 ? 'join' : (['join', 'leave', 'kill', 'stand'] as const)[random.below(alive.length > 4 ? 3 : 4) || (alive.length > 4 ? 1 : 0)];
        done.push(`${what} ${what === 'join' ? `p${n + 1}` : one?.name}`);
        if (what === 'join' || one === undefined) join();
        else if (what === 'leave') one.run.child.kill('SIGTERM');
        else if (what === 'kill') one.run.child.kill('SIGKILL');
        else {
          one.run.child.kill('SIGSTOP');
          setTimeout(() => one.run.child.kill('SIGCONT'), 500 + random.below(18_000));
        }
      }
      console.log(`seed ${seed}: ${done.join(', ')}`);
      await feed;
      await sleep(18_500);
      for (const { name, over, run } of crew.all) if (over !== null && over.signal === null) expect(over.code, `${name}: ${run.said}`).toBe(0);
      await suite.finish();
    });
  }
});
