import { expect, test } from 'vitest';
import { explain, renderExplain } from './explain.ts';
import { pipeline, planOf } from './load.case.ts';
import { timingOf } from './timing.ts';

const lines = (...all: string[]): string => all.map((line) => `    - ${line}\n`).join('');
const rolling = '{ id: r, type: rolling, key: merchant_id, range: 1d, delay: 7d, add: { n: "count(*)" } }';
const out = '  outputs:\n    - { id: out, type: file, path: out.jsonl, format: json }\n';
const MORE = '    - { id: more, type: topic, topic: more, format: json, schema: card, key: card_id, event_time: { field: event_time } }\n';
const FILE = '{ id: cards, type: file, path: in.jsonl, format: json, schema: card, event_time: { field: event_time } }';

test('stages, exchanges and state', async () => {
  const explained = explain(await planOf(pipeline(`  steps:\n${lines(rolling)}${out}`)));
  expect(explained.stages.map(({ id, tasks, inputs }) => [id, tasks, ...inputs])).toEqual([
    ['cards', 'one per partition', 'source cards'],
    ['r', 'one per partition', 'exchange shop.r.exchange'],
    ['out', 'one', 'exchange shop.out.exchange'],
  ]);
  expect(explained.exchanges).toEqual([
    { topic: 'shop.r.exchange', from: 'cards', to: 'r', key: ['merchant_id'], why: 'r needs the records of a merchant_id in one task' },
    { topic: 'shop.out.exchange', from: 'r', to: 'out', key: null, why: 'the file of out has one writer' },
  ]);
  expect(explained.stages[1].steps[0].state).toContain('193h of event time (range 1d + delay 7d + lateness 1h)');
  expect(JSON.parse(JSON.stringify(explained))).toEqual(explained);
  const text = renderExplain(explained);
  for (const word of ['exactly_once', 'shop.r.exchange', 'timing', 'shop.dead', 'out.jsonl']) expect(text).toContain(word);
});

async function timed(text: string): Promise<string[]> {
  return [...timingOf(await planOf(text)).keys()].sort();
}

test('timing: rolling at once and dedupe behind several writers, and all behind them', async () => {
  const filter = '{ id: f, type: filter, where: "n > 1" }';
  expect(await timed(pipeline(`  steps:\n${lines(rolling, filter)}${out}`))).toEqual(['f', 'out', 'out.exchange', 'r']);
  expect(await timed(pipeline(`  steps:\n${lines('{ id: d, type: dedupe, key: tx_id, within: 1m }')}${out}`))).toEqual(['d', 'out', 'out.exchange']);
});

test('timing says whose it is, and the way out where there is one', async () => {
  const reasonOf = async (step: string) => timingOf(await planOf(pipeline(`  steps:\n${lines(step)}${out}`))).get('out');
  expect(await reasonOf(rolling)).toBe(
    'what a record sees in r depends on the order of arrival: exchange shop.r.exchange has several writers; with emit: on_watermark it does not',
  );
  expect(await reasonOf('{ id: d, type: dedupe, key: tx_id, within: 1m }')).toBe(
    'which repeat passes in d depends on the order of arrival: exchange shop.d.exchange has several writers',
  );
});

test('no timing: one writer, the order of event time, the key of the source, windows', async () => {
  expect(await timed(pipeline(`  steps:\n${lines(rolling)}${out}`, FILE))).toEqual([]);
  expect(await timed(pipeline(`  steps:\n${lines(rolling.replace('delay: 7d', 'emit: on_watermark'))}${out}`))).toEqual([]);
  expect(await timed(pipeline(`  steps:\n${lines(rolling.replace('merchant_id', 'card_id'))}${out}`))).toEqual([]);
  expect(
    await timed(pipeline(`  steps:\n${lines('{ id: w, type: window, key: merchant_id, window: { tumbling: 1m }, select: { n: "count(*)" } }')}${out}`)),
  ).toEqual([]);
});

test('timing: behind several writers what a window says in between, and which of equals it holds', async () => {
  const window = (more: string, select = 'n: "count(*)"'): string =>
    pipeline(`  steps:\n${lines(`{ id: w, type: window, key: merchant_id, window: { tumbling: 1m }, ${more}select: { ${select} } }`)}${out}`);
  expect(await timed(window('emit: on_update, '))).toEqual(['out', 'out.exchange', 'w']);
  expect(await timed(window('', 'n: "first(tx_id)"'))).toEqual(['out', 'out.exchange', 'w']);
  expect(await timed(window('allowed_lateness: 1m, '))).toEqual([]);
});

test('timing: a merge of several inputs', async () => {
  const text = pipeline(
    `${MORE}  steps:\n${lines('{ id: u, type: union, from: [cards, more] }', '{ id: d, type: dedupe, from: cards, key: card_id, within: 1m }')}  outputs:\n${lines('{ id: a, from: u, topic: a }', '{ id: b, from: d, topic: b }')}`,
  );
  expect(await timed(text)).toEqual(['b', 'd']);
});

test('timing: what waits for the watermark behind a merge, as of equals none stands first there', async () => {
  const step = '{ id: r, type: rolling, from: u, key: card_id, range: 1d, emit: on_watermark, add: { n: "count(*)" } }';
  const steps = lines('{ id: u, type: union, from: [cards, more] }', step);
  const text = (sources: string, first?: string): string => pipeline(`${sources}  steps:\n${steps}  outputs:\n${lines('{ id: a, from: r, topic: a }')}`, first);
  expect(await timed(text(`    - ${FILE.replace('cards', 'more').replace('in.', 'more.')}\n`, FILE))).toEqual(['a', 'r']);
  // several tasks merge, and behind them the order of the sources is made anew
  expect(await timed(text(MORE))).toEqual([]);
});

test('timing: a topic that the pipeline writes itself, and what it reads of it', async () => {
  const back = '{ id: back, type: topic, topic: again, format: json, schema: card, key: card_id, event_time: { field: event_time } }';
  const repeats = '{ id: d, type: dedupe, from: back, key: card_id, within: 1m }';
  const steps = (key: string): string => lines(`{ id: r, type: rolling, from: cards, key: ${key}, range: 1d, add: { n: "count(*)" } }`, repeats);
  const outputs = lines('{ id: again, from: r, topic: again, key: card_id }', '{ id: b, from: d, topic: b }');
  expect(await timed(pipeline(`${lines(back)}  steps:\n${steps('merchant_id')}  outputs:\n${outputs}`))).toEqual(['again', 'b', 'd', 'r']);
  expect(await timed(pipeline(`${lines(back)}  steps:\n${steps('card_id')}  outputs:\n${outputs}`))).toEqual(['b', 'd']);
  // one task that merges writes it, whether it stands in the file before its reader or behind it
  const files = [FILE, FILE.replace('cards', 'more').replace('in.', 'more.')];
  const union = '{ id: u, type: union, from: [cards, more] }';
  const merged = lines('{ id: again, from: u, topic: again, key: card_id }', '{ id: b, from: d, topic: b }');
  for (const [[first, ...others], both] of [
    [[back, ...files], lines(repeats, union)],
    [[...files, back], lines(union, repeats)],
  ] as const)
    expect(await timed(pipeline(`${lines(...others)}  steps:\n${both}  outputs:\n${merged}`, first))).toEqual(['b', 'd']);
});

test('latency: a commit a stage on the way, as long as the transport makes it', async () => {
  const plan = await planOf(pipeline(`  steps:\n${lines(rolling)}${out}`));
  const kafka = {
    brokers: ['b:1'],
    client: 'fast',
    tls: null,
    sasl: null,
    visibility: 'transactional',
    commitEvery: 20,
    create: true,
    replication: 1,
    instance: null,
  } as const;
  expect(explain(plan).latency).toMatch(
    /^a record leaves with the commit of the batch it was fetched in; on its way it is written to and read from up to 2 exchanges/,
  );
  expect(explain(plan, { type: 'kafka', partitions: 4, kafka }).latency).toMatch(
    /^a record leaves with the next transaction, every 20ms; over 3 stages that is about 30ms in the middle and 60ms at the most/,
  );
  expect(explain(plan, { type: 'kafka', partitions: 4, kafka: { ...kafka, visibility: 'immediate' } }).latency).toMatch(
    /^a record leaves as soon as it is made: at the least a few milliseconds for each stage.*; on its way it goes over up to 2 exchanges/,
  );
});

test('notes: what nothing reads, and a pipeline that feeds itself', async () => {
  const text = pipeline(
    `${MORE}  steps:\n${lines('{ id: a, type: filter, from: cards, where: "amount > 1" }', '{ id: b, type: filter, from: cards, where: "amount > 2" }')}  outputs:\n${lines('{ id: out, from: b, topic: cards }')}`,
  );
  const { notes } = explain(await planOf(text));
  expect(notes).toEqual([
    'Nothing reads the source more: it stays unread.',
    'Nothing reads the step a: its results go nowhere.',
    'The topic cards is both written (out) and read (cards): the pipeline feeds itself.',
  ]);
});
