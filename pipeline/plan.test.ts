import { describe, expect, test } from 'vitest';
import { load, pipeline, planOf } from './load.case.ts';
import type { NodePlan, Plan } from './plan.ts';

/** A plan's stages in a few words each: what is read, what is done, where it goes. */
function outline(plan: Plan): string[] {
  return plan.stages.flatMap((stage) => [
    `${stage.id} <- ${stage.inputs.map((input) => (input.kind === 'source' ? input.id : input.topic)).join(' + ')}`,
    ...stage.nodes.map((node) => `  ${node.id} ${node.type} <- ${node.from.join(' + ')}`),
    ...stage.outputs.map((output) => `  ${output.id} -> ${output.kind === 'file' ? 'file' : output.topic}${keyText(output)} <- ${output.from}`),
  ]);
}

function keyText(output: Plan['stages'][number]['outputs'][number]): string {
  if (output.kind === 'file' || output.key === null) return output.kind === 'exchange' ? ' single' : '';
  return ` by ${output.key.map(({ slot }) => slot).join(', ')}`;
}

const nodeOf = (plan: Plan, id: string): NodePlan => plan.stages.flatMap(({ nodes }) => nodes).find((node) => node.id === id) as NodePlan;
const columnsOf = (plan: Plan, id: string): string[] =>
  nodeOf(plan, id).columns.map(({ name, type, nullable, slot }) => `${name}${slot === name ? '' : `@${slot}`} ${type.kind}${nullable ? '?' : ''}`);
const lines = (...all: string[]): string => all.map((line) => `    - ${line}\n`).join('');
const out = '  outputs:\n    - { id: out, topic: out }\n';
const steps = (...all: string[]): string => pipeline(`  steps:\n${lines(...all)}${out}`);
const FILE = '{ id: cards, type: file, path: in.jsonl, format: json, schema: card, event_time: { field: event_time } }';
const KEYED_FILE = FILE.replace('event_time: {', 'key: card_id, event_time: {');

describe('columns and slots', () => {
  test('a map replaces in place, appends, drops, and gives each definition a slot of its own', async () => {
    const plan = await planOf(
      steps(
        '{ id: m, type: map, set: { amount: "amount * 2", cents: "amount::BIGINT", both: "amount || currency" }, drop: [items, tx_id] }',
        '{ id: n, type: map, set: { amount: "amount + 1" } }',
      ),
    );
    expect(columnsOf(plan, 'm')).toEqual([
      'card_id VARCHAR',
      'merchant_id BIGINT',
      'amount@amount_1 DOUBLE',
      'currency VARCHAR?',
      'event_time BIGINT',
      'cents BIGINT',
      'both VARCHAR?',
    ]);
    const [first, second] = [nodeOf(plan, 'm'), nodeOf(plan, 'n')];
    if (first.type !== 'map' || second.type !== 'map') throw new Error('no map');
    expect(first.set.map(({ slot, expr }) => [slot, JSON.stringify(expr.tree).match(/"slot":"(\w+)"/)?.[1]])).toEqual([
      ['amount_1', 'amount'],
      ['cents', 'amount'],
      ['both', 'amount'],
    ]);
    expect(second.set[0].slot).toBe('amount_2');
    expect(JSON.stringify(second.set[0].expr.tree)).toContain('"amount_1"');
    expect(plan.stages[0].shapes).toEqual([
      ['tx_id', 'card_id', 'merchant_id', 'amount', 'currency', 'items', 'event_time', 'amount_1', 'cents', 'both', 'amount_2'],
    ]);
  });

  test('branches that set the same column write to different slots', async () => {
    const plan = await planOf(
      pipeline(
        `  steps:\n${lines('{ id: a, type: map, set: { x: "1" } }', '{ id: b, type: map, from: cards, set: { x: "\'two\'" } }')}  outputs:\n${lines('{ id: oa, from: a, topic: a }', '{ id: ob, from: b, topic: b }')}`,
      ),
    );
    expect(columnsOf(plan, 'a').at(-1)).toBe('x INTEGER');
    expect(columnsOf(plan, 'b').at(-1)).toBe('x@x_1 VARCHAR');
  });

  test('flat_map keeps the list and adds an element that may be NULL', async () => {
    const plan = await planOf(steps('{ id: l, type: flat_map, each: items, as: item }'));
    expect(columnsOf(plan, 'l').slice(-3)).toEqual(['items LIST', 'event_time BIGINT', 'item VARCHAR?']);
  });

  test('a window row is keys, select, window_start and window_end, in a shape of its own', async () => {
    const plan = await planOf(
      steps(
        '{ id: w, type: window, key: [card_id, currency], window: { sliding: 10m, every: 1m, offset: -30s }, allowed_lateness: 5s, emit: on_update, late: drop, select: { n: "count(*)", mean: "sum(amount) / count(*)" } }',
      ),
    );
    expect(columnsOf(plan, 'w')).toEqual(['card_id VARCHAR', 'currency VARCHAR', 'n BIGINT', 'mean DOUBLE', 'window_start BIGINT', 'window_end BIGINT']);
    expect(nodeOf(plan, 'w')).toMatchObject({
      shape: 1,
      window: { kind: 'sliding', size: 600_000, slide: 60_000, offset: -30_000 },
      allowedLateness: 5000,
      emit: 'on_update',
      late: 'drop',
      startSlot: 'window_start',
    });
    expect(plan.stages[0].shapes[1]).toEqual(['card_id', 'currency', 'n', 'mean', 'window_start', 'window_end']);
  });

  test('rolling: defaults, and both kinds of range', async () => {
    const plan = await planOf(
      steps(
        '{ id: r, type: rolling, key: card_id, range: 1d, add: { n: "count(*)" } }',
        '{ id: s, type: rolling, key: card_id, tumbling: 1d, offset: 2h, allowed_lateness: 0s, emit: on_watermark, add: { m: "max(n)" } }',
      ),
    );
    expect(nodeOf(plan, 'r')).toMatchObject({
      range: { kind: 'range', size: 86_400_000 },
      delay: 0,
      allowedLateness: 3_600_000,
      emit: 'immediately',
      late: 'dead_letter',
      onError: 'dead_letter',
    });
    expect(nodeOf(plan, 's')).toMatchObject({ range: { kind: 'tumbling', size: 86_400_000, offset: 7_200_000 }, allowedLateness: 0, emit: 'on_watermark' });
  });

  test('a column named like the slots of aggregates does not meet them', async () => {
    const text = steps('{ id: m, type: map, set: { a0: "amount" } }', '{ id: r, type: rolling, key: card_id, range: 1d, add: { a1: "sum(a0)" } }');
    expect(columnsOf(await planOf(text), 'r').slice(-2)).toEqual(['a0@a0_0 DOUBLE', 'a1@a1_0 DOUBLE']);
  });

  test('an output with a schema writes its fields in its order, one without all columns', async () => {
    const plan = await planOf(
      pipeline(
        `  steps:\n${lines('{ id: m, type: map, set: { zip: "1" } }')}  outputs:\n${lines('{ id: a, topic: a, schema: card, key: card_id }', '{ id: b, type: file, path: out/b.jsonl, format: json }')}`,
        FILE,
      ),
    );
    const [a, b] = plan.stages[0].outputs;
    expect(a).toMatchObject({ kind: 'topic', format: 'avro', key: [{ slot: 'card_id' }] });
    expect(a.columns.map(({ name }) => name)).toEqual(['tx_id', 'card_id', 'merchant_id', 'amount', 'currency', 'items', 'event_time']);
    expect(b.columns.map(({ name }) => name)).toEqual(['tx_id', 'card_id', 'merchant_id', 'amount', 'currency', 'items', 'event_time', 'zip']);
    expect(b).toMatchObject({ path: expect.stringMatching(/^\/.*out\/b\.jsonl$/) });
  });
});

describe('stages and exchanges', () => {
  test('steps whose key keeps the partitioning stay in one stage', async () => {
    const plan = await planOf(
      steps(
        '{ id: f, type: filter, where: "amount > 0" }',
        '{ id: r, type: rolling, key: [merchant_id, card_id], range: 1d, add: { n: "count(*)" } }',
        '{ id: w, type: window, key: card_id, window: { tumbling: 1m }, select: { total: "sum(amount)" } }',
        '{ id: w2, type: window, key: card_id, window: { tumbling: 1h }, select: { all: "sum(total)" } }',
      ),
    );
    expect(outline(plan)).toEqual(['f <- cards', '  f filter <- cards', '  r rolling <- f', '  w window <- r', '  w2 window <- w', '  out -> out <- w2']);
  });

  test('a renamed key is still the key, an overwritten one is not', async () => {
    const renamed = await planOf(steps('{ id: m, type: map, set: { card: card_id }, drop: [card_id] }', '{ id: d, type: dedupe, key: card, within: 1m }'));
    expect(renamed.stages).toHaveLength(1);
    const overwritten = await planOf(steps('{ id: m, type: map, set: { card_id: "upper(card_id)" } }', '{ id: d, type: dedupe, key: card_id, within: 1m }'));
    expect(outline(overwritten)).toEqual([
      'm <- cards',
      '  m map <- cards',
      '  d.exchange -> shop.d.exchange by card_id_1 <- m',
      'd <- shop.d.exchange',
      '  d dedupe <- d.exchange',
      '  out -> out <- d',
    ]);
  });

  test('steps of a new key share one exchange, in a chain and beside each other', async () => {
    const plan = await planOf(
      pipeline(
        `  steps:\n${lines('{ id: r, type: rolling, key: merchant_id, range: 1d, add: { n: "count(*)" } }', '{ id: d, type: dedupe, key: merchant_id, within: 1m }', '{ id: s, type: rolling, from: cards, key: merchant_id, range: 7d, add: { n: "count(*)" } }', '{ id: b, type: rolling, from: cards, key: card_id, range: 7d, add: { n: "count(*)" } }')}  outputs:\n${lines('{ id: od, from: d, topic: d }', '{ id: os, from: s, topic: s }', '{ id: ob, from: b, topic: b }')}`,
      ),
    );
    expect(outline(plan)).toEqual([
      'b <- cards',
      '  b rolling <- cards',
      '  r.exchange -> shop.r.exchange by merchant_id <- cards',
      '  ob -> b <- b',
      'r <- shop.r.exchange',
      '  r rolling <- r.exchange',
      '  d dedupe <- r',
      '  s rolling <- r.exchange',
      '  od -> d <- d',
      '  os -> s <- s',
    ]);
  });

  test('a file source: with a key its keyed steps need no exchange, without one they do', async () => {
    const step = lines('{ id: d, type: dedupe, key: card_id, within: 1m }');
    const file = '  outputs:\n    - { id: out, type: file, path: out.jsonl, format: json }\n';
    expect(outline(await planOf(pipeline(`  steps:\n${step}${file}`, KEYED_FILE)))).toEqual(['d <- cards', '  d dedupe <- cards', '  out -> file <- d']);
    expect(outline(await planOf(pipeline(`  steps:\n${step}${file}`, FILE)))).toEqual([
      'cards <- cards',
      '  d.exchange -> shop.d.exchange by card_id <- cards',
      'd <- shop.d.exchange',
      '  d dedupe <- d.exchange',
      '  out.exchange -> shop.out.exchange single <- d',
      'out <- shop.out.exchange',
      '  out -> file <- out.exchange',
    ]);
  });

  const TWO = '    - { id: more, type: topic, topic: more, format: json, schema: card, key: card_id, event_time: { field: event_time, late: drop } }\n';
  const two = (body: string): string => pipeline(`${TWO}${body}`);

  test('a union of two topics is one stage with two inputs, and its partitioning is not known', async () => {
    const plan = await planOf(
      two(
        `  steps:\n${lines('{ id: f, type: filter, from: cards, where: "amount > 0" }', '{ id: d, type: dedupe, from: [f, more], key: card_id, within: 1m }')}${out}`,
      ),
    );
    expect(outline(plan)).toEqual([
      'f <- cards + more',
      '  f filter <- cards',
      '  d.union union <- f + more',
      '  d.exchange -> shop.d.exchange by card_id <- d.union',
      'd <- shop.d.exchange',
      '  d dedupe <- d.exchange',
      '  out -> out <- d',
    ]);
    expect(nodeOf(plan, 'd.union')).toMatchObject({
      late: 'dead_letter',
      inputs: [{ from: 'f' }, { from: 'more', copy: expect.arrayContaining([['amount', 'amount']]) }],
    });
  });

  test('two files of one key are one task; a file beside a topic is not partitioned as the topic is', async () => {
    const more = KEYED_FILE.replace('id: cards', 'id: more').replace('in.jsonl', 'more.jsonl');
    const step = lines('{ id: d, type: dedupe, from: [cards, more], key: card_id, within: 1m }');
    const files = await planOf(pipeline(`    - ${more}\n  steps:\n${step}${out}`, KEYED_FILE));
    expect(outline(files)).toEqual(['d.union <- cards + more', '  d.union union <- cards + more', '  d dedupe <- d.union', '  out -> out <- d']);
    const mixed = await planOf(pipeline(`    - ${more}\n  steps:\n${step}${out}`));
    expect(outline(mixed)).toContain('d <- shop.d.exchange');
  });

  test('streams re-keyed alike keep their partitioning through a union', async () => {
    const plan = await planOf(
      two(
        `  steps:\n${lines('{ id: a, type: dedupe, from: cards, key: merchant_id, within: 1m }', '{ id: b, type: dedupe, from: more, key: merchant_id, within: 1m }', '{ id: u, type: union, from: [a, b] }', '{ id: r, type: rolling, key: merchant_id, range: 1d, add: { n: "count(*)" } }')}${out}`,
      ),
    );
    expect(outline(plan)).toEqual([
      'cards <- cards',
      '  a.exchange -> shop.a.exchange by merchant_id <- cards',
      'more <- more',
      '  b.exchange -> shop.b.exchange by merchant_id <- more',
      'a <- shop.a.exchange + shop.b.exchange',
      '  a dedupe <- a.exchange',
      '  b dedupe <- b.exchange',
      '  u union <- a + b',
      '  r rolling <- u',
      '  out -> out <- r',
    ]);
  });

  test('a union of a stream and what is downstream of it reads it through an exchange of the same key', async () => {
    const plan = await planOf(
      steps(
        '{ id: a, type: filter, where: "amount > 0" }',
        '{ id: b, type: dedupe, key: merchant_id, within: 1m }',
        '{ id: u, type: union, from: [a, b] }',
        '{ id: r, type: rolling, key: merchant_id, range: 1d, add: { n: "count(*)" } }',
      ),
    );
    expect(outline(plan)).toEqual([
      'a <- cards',
      '  a filter <- cards',
      '  b.exchange -> shop.b.exchange by merchant_id <- a',
      '  u.a.exchange -> shop.u.a.exchange by merchant_id <- a',
      'b <- shop.b.exchange + shop.u.a.exchange',
      '  b dedupe <- b.exchange',
      '  u union <- u.a.exchange + b',
      '  r rolling <- u',
      '  out -> out <- r',
    ]);
  });

  test('an output of several inputs, and files from several stages', async () => {
    const plan = await planOf(two(`  outputs:\n${lines('{ id: out, from: [cards, more], type: file, path: out.jsonl, format: json }')}`));
    expect(outline(plan)).toEqual([
      'out.union <- cards + more',
      '  out.union union <- cards + more',
      '  out.exchange -> shop.out.exchange single <- out.union',
      'out <- shop.out.exchange',
      '  out -> file <- out.exchange',
    ]);
  });

  test('a source that nothing reads is in the plan, but in no stage', async () => {
    const plan = await planOf(two(`  outputs:\n${lines('{ id: out, from: more, topic: out }')}`));
    expect(plan.sources.map(({ id }) => id)).toEqual(['cards', 'more']);
    expect(outline(plan)).toEqual(['out <- more', '  out -> out <- more']);
  });
});

describe('the whole plan', () => {
  test('defaults', async () => {
    const plan = await planOf(pipeline(out, '{ id: cards, type: topic, topic: cards, format: avro, schema: card }'));
    expect(plan).toMatchObject({ guarantee: 'exactly_once', mergeWait: 1000, deadLetter: { topic: 'shop.dead', budget: null } });
    expect(plan.sources[0]).toMatchObject({
      key: null,
      eventTime: null,
      outOfOrder: 0,
      idleAfter: 60_000,
      maxAhead: null,
      late: 'dead_letter',
      onError: 'dead_letter',
      maxRecord: 2 ** 20,
    });
  });

  test('late and on_error of a source hold for its steps, unless they say otherwise', async () => {
    const text = steps(
      '{ id: r, type: rolling, key: card_id, range: 1d, add: { n: "count(*)" } }',
      '{ id: f, type: filter, on_error: fail, where: "n > 1" }',
    ).replace('out_of_order: 2s }', 'out_of_order: 2s, late: drop }, on_error: drop');
    const plan = await planOf(text);
    expect([nodeOf(plan, 'r').late, nodeOf(plan, 'r').onError, nodeOf(plan, 'f').onError]).toEqual(['drop', 'drop', 'fail']);
    expect(plan.stages[0].outputs[0].onError).toBe('fail');
  });

  test('variables, aliases and blocks mean what they stand for', async () => {
    const text = steps('id: f\n      type: filter\n      where: |\n        amount >\n          ${LEAST}')
      .replace('guarantee', 'x')
      .replace('name: shop', 'name: "${SHOP:-shop}-x"');
    const plan = await planOf(text, { env: { LEAST: '12' } });
    expect(plan.name).toBe('shop-x');
    const node = nodeOf(plan, 'f');
    expect(node.type === 'filter' && node.where.sql.replace(/\s+/g, ' ').trim()).toBe('amount > 12');
    const shared = await planOf(pipeline(`  outputs:\n${lines('{ id: a, topic: a, key: &k [card_id, tx_id] }', '{ id: b, topic: b, key: *k }')}`));
    expect(shared.stages[0].outputs.map((output) => output.kind === 'topic' && output.key?.length)).toEqual([2, 2]);
  });

  test('it is frozen, survives JSON, and its hash is of what decides an output', async () => {
    const text = steps('{ id: f, type: filter, where: "amount > 0" }');
    const plan = await planOf(text);
    expect(Object.isFrozen(plan.stages[0].nodes[0].columns[0].type)).toBe(true);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    const hash = async (other: string): Promise<string> => (await planOf(other)).hash;
    expect(await hash(text)).toBe(plan.hash);
    expect(await hash(`# a comment\n${text.replace('"amount > 0"', '"amount   > 0"')}`)).toBe(plan.hash);
    expect(await hash(text.replace('amount > 0', 'amount > 1'))).not.toBe(plan.hash);
    expect(await hash(text.replace('topic: out', 'topic: other'))).not.toBe(plan.hash);
    expect(await hash(text.replace('out_of_order: 2s', 'out_of_order: 3s'))).not.toBe(plan.hash);
  });

  test('schemas by file, and a schema named inside another', async () => {
    const avsc = JSON.stringify({ type: 'record', name: 'Money', fields: [{ name: 'amount', type: 'double' }] });
    const text = pipeline(
      `  steps:\n${lines('{ id: f, type: filter, where: "price.amount > 0 AND paid.amount > 0" }')}${out}`,
      '{ id: cards, type: topic, topic: cards, format: json, schema: bill }',
    ).replace(
      'schemas:\n',
      'schemas:\n  money: { file: avro/money.avsc }\n  bill: { type: record, name: Bill, fields: [{ name: price, type: money }, { name: paid, type: money }] }\n',
    );
    const plan = await planOf(text, { files: { 'avro/money.avsc': avsc } });
    expect(plan.sources[0].columns.map(({ type }) => type.kind)).toEqual(['STRUCT', 'STRUCT']);
  });

  test('a generator', async () => {
    const text = pipeline(
      out,
      `{ id: cards, type: generator, schema: made, event_time: { field: at }, generate: { seed: 7, count: 20000, rate: 5000, fields: { id: "'t' || i", amount: "round(u1 * 100, 2)", at: "1700000000000 + i * 20" } } }`,
    ).replace(
      'schemas:\n',
      'schemas:\n  made: { type: record, name: Made, fields: [{ name: id, type: string }, { name: amount, type: double }, { name: at, type: long }, { name: note, type: [null, string], default: null }] }\n',
    );
    const plan = await planOf(text);
    const { generator } = plan.sources[0];
    expect(generator).toMatchObject({ seed: 7, count: 20_000, rate: 5000 });
    // where an expression stands is known, and is not in the hash
    const moved = await planOf(`\n\n${text}`);
    const lines = [plan, moved].map(({ sources }) => sources[0].generator?.fields[1].at.line as number);
    expect([moved.hash, lines[1] - lines[0]]).toEqual([plan.hash, 2]);
    expect(generator?.fields.map(({ name }) => name)).toEqual(['id', 'amount', 'at']);
  });

  test('a generator of card payments', async () => {
    const text = pipeline(
      out,
      `{ id: cards, type: generator, schema: made, event_time: { field: at }, generate: { card_fraud: { start: 2020-02-29, days: 3, speed: 1000 }, fields: { id: "'t' || i", at: t, fraud: "scenario > 0" } } }`,
    ).replace(
      'schemas:\n',
      'schemas:\n  made: { type: record, name: Made, fields: [{ name: id, type: string }, { name: at, type: long }, { name: fraud, type: boolean }] }\n',
    );
    expect((await planOf(text)).sources[0].generator).toMatchObject({
      cardFraud: { customers: 5000, terminals: 10_000, start: Date.UTC(2020, 1, 29), days: 3, speed: 1000, warmUp: 0 },
      count: null,
      rate: null,
    });
  });

  test('a normal file takes well under a second', async () => {
    const text = steps(
      ...Array.from({ length: 20 }, (_, i) => `{ id: m${i}, type: map, set: { c${i}: "amount * ${i} + CASE WHEN currency = 'EUR' THEN 1 ELSE 2 END" } }`),
    );
    await load(text);
    const started = performance.now();
    await planOf(text);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
