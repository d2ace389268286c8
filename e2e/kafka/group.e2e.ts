import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaSettings } from '@millrace/transport/kafka/client.ts';
import { openFast } from '@millrace/transport/kafka/fast/open.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MemberProcess, overlaps, shared, until } from '../support/kafka/group-members.ts';
import { type Broker, describeKafka, startBroker } from '../support/kafka.ts';

const SLOTS = 8;
/** ms: the least that brokers allow */
const SESSION = 6_000;
const PASSWORD = 'river-and-wheel';
const TOOL = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';

describeKafka('a group that hands slots out', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-group-'));
  const login = join(directory, 'login.properties');
  const members: MemberProcess[] = [];
  let broker: Broker;
  let group = '';
  let groups = 0;
  beforeAll(async () => {
    const jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required`;
    broker = await startBroker({
      protocol: 'SASL_PLAINTEXT',
      properties: {
        'listener.name.client.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.client.plain.sasl.jaas.config': `${jaas} user_ann="${PASSWORD}" user_bob="${PASSWORD}";`,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:ann',
      },
    });
    const entrance = `${jaas} username="ann" password="${PASSWORD}";`;
    writeFileSync(login, `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${entrance}\n`);
    const client = await openFast({ ...settings(), clientId: 'group-test', patience: 20_000, prefetch: 1, arrived: () => undefined });
    await client.create([
      { name: 'orders', partitions: SLOTS, replication: 1, config: {} },
      { name: 'prices', partitions: 3, replication: 1, config: {} },
    ]);
    await client.close();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') for (const { name, lines } of members) console.log(name, lines.map((line) => JSON.stringify(line)).join('\n'));
    await Promise.all(members.map((member) => member.kill()));
    members.length = 0;
  });
  afterAll(async () => {
    await broker?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function settings(username = 'ann', password = PASSWORD): KafkaSettings {
    return { brokers: broker.brokers, client: 'fast', tls: null, sasl: { mechanism: 'plain', username, password } };
  }

  /** a new group for the test */
  function fresh(): void {
    group = `pipeline-${++groups}.preprocess`;
  }

  function start(name: string, more: object = {}): MemberProcess {
    const topics = [
      ['orders', SLOTS],
      ['prices', 3],
    ];
    const options = {
      settings: settings(),
      group,
      clientId: name,
      instance: null,
      slots: SLOTS,
      plan: 'one',
      topics,
      session: SESSION,
      givingUp: 250,
      ...more,
    };
    const member = new MemberProcess(name, options);
    members.push(member);
    return member;
  }

  const sharedBy = (...those: readonly MemberProcess[]): Promise<void> =>
    until(`${those.map(({ name }) => name).join(', ')} share the slots`, () => shared(those, SLOTS));
  const tool = (...args: string[]): Promise<string> =>
    broker.tool(TOOL, ['--bootstrap-server', broker.brokers.join(), '--command-config', login, '--group', group, ...args]);

  test('one, two, four, two, one: what can stay stays, and no slot has two owners at any time', async () => {
    fresh();
    const a = start('a');
    await sharedBy(a);
    const b = start('b');
    await sharedBy(a, b);
    expect([a.closes, b.closes]).toEqual([4, 0]);
    const [c, d] = [start('c'), start('d')];
    await sharedBy(a, b, c, d);
    // c and d may have come one after the other: then one gives on what it had for a moment
    expect([a.open.length, b.open.length, a.closes, b.closes]).toEqual([2, 2, 6, 2]);
    const closes = c.closes + d.closes;
    await b.leave();
    await sharedBy(a, c, d);
    await d.kill();
    await sharedBy(a, c);
    expect([a.closes, c.closes + d.closes]).toEqual([6, closes]);
    const before = Date.now();
    await c.leave();
    await sharedBy(a);
    // who leaves is not waited for
    expect(Date.now() - before).toBeLessThan(SESSION);
    expect(a.closes).toBe(6);
    expect(overlaps(members)).toEqual([]);
  });

  test("Kafka's own tool shows who has which partitions, and how far they are", async () => {
    fresh();
    const [a, b] = [start('member-a'), start('member-b')];
    await sharedBy(a, b);
    const mine = a.assigned[0] as number;
    a.tell(`offsets ${JSON.stringify([['orders', [[mine, 7]]]])}`);
    a.tell(`offsets ${JSON.stringify([['orders', [[mine, 9]]]])}`);
    a.tell(`offsets ${JSON.stringify([['orders', [[a.assigned[1], 5]]]])}`);
    await sleep(2_500);
    const rows = (await tool('--describe')).split('\n').map((line) => line.trim().split(/\s+/));
    const row = (topic: string, partition: number) => rows.find(([, name, at]) => name === topic && at === String(partition)) ?? [];
    for (const member of [a, b]) for (const slot of member.assigned) expect(row('orders', slot).at(-1)).toBe(member.name);
    for (const slot of [0, 1, 2]) expect(row('prices', slot).at(-1)).toBe(row('orders', slot).at(-1));
    expect(rows.filter(([, topic]) => topic === 'prices')).toHaveLength(3);
    expect([row('orders', mine)[3], row('orders', a.assigned[1] as number)[3]]).toEqual(['9', '5']);
  });

  test('a record loop that is busy for longer than a session loses nothing; what is to move waits for it', async () => {
    fresh();
    const [a, b] = [start('a'), start('b')];
    await sharedBy(a, b);
    const generation = b.word?.generation;
    a.tell('block 25000');
    await until('it is blocked', () => a.lines.some(({ blocked }) => blocked === true));
    await sleep(9_000);
    expect(b.word).toMatchObject({ generation, members: 2 });
    const c = start('c');
    await until('c has what b could give', () => c.open.length > 0);
    expect(a.lines.some(({ blocked }) => blocked === false)).toBe(false);
    expect(c.assigned).toHaveLength(1);
    await sharedBy(a, b, c);
    expect(a.heard('group_lost')).toBe(false);
    expect(overlaps(members)).toEqual([]);
  });

  test('an instance that is killed and comes back within its session has its slots again, and nobody else notices', async () => {
    fresh();
    const session = 30_000;
    const a = start('a', { instance: 'one', session });
    await sharedBy(a);
    const b = start('b', { instance: 'two', session });
    await sharedBy(a, b);
    for (const [dead, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const [before, generation, said] = [dead.assigned, other.word?.generation, other.lines.length];
      await dead.kill();
      const back = start(`${dead.name}-again`, { instance: dead === a ? 'one' : 'two', session });
      await until('it has its slots again', () => back.open.length > 0);
      expect([back.assigned, back.word?.generation]).toEqual([before, generation]);
      await sleep(2_000);
      expect(other.lines.length).toBe(said);
      expect(overlaps(members)).toEqual([]);
      await back.kill();
      const again = start(`${dead.name}-once-more`, { instance: dead === a ? 'one' : 'two', session });
      await until('it has its slots again', () => again.open.length > 0);
      if (dead === a) expect(again.assigned).toEqual(before);
    }
  });

  test('an instance killed while it gives slots up, and one that comes back to another number of slots', async () => {
    fresh();
    const session = 30_000;
    const a = start('a', { instance: 'one', session, givingUp: 20_000 });
    await sharedBy(a);
    const b = start('b', { session });
    await until('a is to give up', () => a.assigned.length === 4);
    await a.kill();
    const back = start('a-again', { instance: 'one', session });
    await sharedBy(back, b);
    expect(overlaps(members)).toEqual([]);
    await b.leave();
    await sharedBy(back);
    await back.kill();
    const wider = start('a-wider', { instance: 'one', session, slots: SLOTS + 2 });
    await until('it has the new slots too', () => wider.open.length === SLOTS + 2);
  });

  test('a second process of the same instance takes over, and the first one says so', async () => {
    fresh();
    const a = start('a', { instance: 'one' });
    await sharedBy(a);
    const b = start('b', { instance: 'one' });
    await a.over();
    expect(a.failure).toMatchObject({ failed: 'fenced' });
    await sleep(1_000);
    expect(b.assigned).toHaveLength(SLOTS);
    expect(b.failure).toBeUndefined();
  });

  test('a process with another plan is refused while one lives, and waits for the session of one that has died', async () => {
    fresh();
    const a = start('a', { instance: 'one' });
    await sharedBy(a);
    const stranger = start('b', { plan: 'two' });
    await stranger.over();
    expect(stranger.failure).toMatchObject({ failed: 'plan_changed' });
    expect(a.word).toMatchObject({ generation: 1, members: 1 });
    await a.kill();
    await sharedBy(start('a-edited', { instance: 'one', plan: 'two' }));
  });

  test('a process that stands still for longer than its session: others go on with its slots, and it comes back to what is left', async () => {
    fresh();
    const [a, b] = [start('a'), start('b')];
    await sharedBy(a, b);
    const closes = b.closes;
    a.signal('SIGSTOP');
    await until('b has all', () => b.open.length === SLOTS && b.word?.members === 1);
    a.signal('SIGCONT');
    await sharedBy(a, b);
    expect(a.heard('group_lost')).toBe(true);
    // what b took is b's: only what balance asks for goes back
    expect(b.closes - closes).toBe(4);
  });

  test('a broker that is killed and away for longer than a session: all go on with what they have, and say so', async () => {
    fresh();
    const [a, b] = [start('a'), start('b')];
    await sharedBy(a, b);
    const closes = a.closes + b.closes;
    await broker.kill();
    const confirmed = (member: MemberProcess): boolean | undefined => member.lines.findLast((line) => line.confirmed !== undefined)?.confirmed;
    await until('neither relies on what it was told', () => confirmed(a) === false && confirmed(b) === false);
    await sleep(3_000);
    await broker.start();
    const back = (member: MemberProcess): boolean => member.heard('group_waiting') && member.heard('group_back');
    await until('both are back', () => back(a) && back(b));
    const c = start('c');
    await sharedBy(a, b, c);
    expect(a.closes + b.closes - closes).toBe(2);
    expect([a, b].map(confirmed)).toEqual([true, true]);
    expect(overlaps(members)).toEqual([]);
  });

  test('more processes than slots: those without stand by', async () => {
    fresh();
    const slots = 2;
    const three = ['a', 'b', 'c'].map((name) => start(name, { slots }));
    await until('two have one each', () => shared(three, slots));
    const owner = three.find(({ open }) => open.length === 1) as MemberProcess;
    const idle = three.find(({ open }) => open.length === 0) as MemberProcess;
    await owner.kill();
    await until('the third has its slot', () => idle.open.length === 1);
    expect(overlaps(members)).toEqual([]);
  });

  test('a wrong password, a user without rights, a broker that is not there', async () => {
    fresh();
    const wrong = start('a', { settings: settings('ann', 'not-the-password') });
    const poor = start('b', { settings: settings('bob') });
    const nobody = start('c', { settings: { ...settings(), brokers: ['127.0.0.1:1'] }, patience: 2_000 });
    await Promise.all([wrong.over(), poor.over(), nobody.over()]);
    expect([wrong, poor, nobody].map(({ failure }) => failure?.failed)).toEqual(['authentication_failed', 'not_authorized', 'broker_unreachable']);
    for (const { failure } of [wrong, poor, nobody]) expect(failure?.message).not.toMatch(/not-the-password|river/);
    expect(poor.failure?.message).toContain(group);
  });
});
