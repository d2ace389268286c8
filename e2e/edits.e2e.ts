import { appendFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workshop } from './support/workshop.ts';

const at = workshop();

const STEPS = {
  positive: '{ id: positive, type: filter, where: "amount > 0" }',
  per: '{ id: per, type: window, key: shop, window: { tumbling: 10s }, select: { n: "count(*)", total: "sum(amount)" } }',
  seen: '{ id: seen, type: rolling, from: positive, key: id, range: 1m, add: { times: "count(*)" } }',
};
const OUTPUTS = {
  rows: '{ id: rows, from: per, type: file, path: out/rows.jsonl, format: json }',
  all: '{ id: all, from: seen, topic: all }',
};

function pipeline(steps: readonly string[], outputs: readonly string[], name = 'sales', key = 'id'): string {
  const items = (list: readonly string[]): string => list.map((item) => `    - ${item}\n`).join('');
  return `version: 1
name: ${name}
schemas:
  sale: { type: record, name: Sale, fields: [ { name: id, type: string }, { name: shop, type: string }, { name: amount, type: long }, { name: at, type: long } ] }
preprocess:
  sources:
    - { id: sales, type: file, path: in.jsonl, format: json, schema: sale, key: ${key}, event_time: { field: at } }
  steps:
${items(steps)}  outputs:
${items(outputs)}`;
}

const usual = pipeline(Object.values(STEPS), Object.values(OUTPUTS));
const sales = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => {
    const i = from + n;
    return `${JSON.stringify({ id: `s${i % 3}`, shop: `shop${i % 2}`, amount: i % 5, at: i * 1000 })}\n`;
  }).join('');

/** one clear error, and nothing of the insides */
function clear({ code, stderr }: { code: number | null; stderr: string }, expected: string): void {
  expect(stderr).toMatch(new RegExp(`^millrace: ${expected} `));
  expect(stderr).toContain('hint: ');
  expect(stderr).not.toMatch(/^ +at /m);
  expect(code).toBe(1);
}

async function first(yaml = usual): Promise<void> {
  at.put('p.yaml', yaml);
  at.put('in.jsonl', sales(0, 30));
  await at.run();
}

describe('an edit of the file between two runs', () => {
  it.each([
    ['a step without state is added', usual.replace('amount > 0" }', 'amount > 0" }\n    - { id: more, type: map, set: { twice: "amount * 2" } }')],
    ['an expression changes', usual.replace('amount > 0', 'amount > 1')],
    ['an output is added', pipeline(Object.values(STEPS), [...Object.values(OUTPUTS), '{ id: other, from: positive, topic: other }'])],
    ['a comment changes', `# here\n${usual}`],
  ])('goes on when %s', async (_, edited) => {
    await first();
    const before = at.rows('out/rows.jsonl');
    expect(before.reduce((sum, row) => sum + (row['n'] as number), 0)).toBe(24);
    appendFileSync(join(at.path, 'in.jsonl'), sales(30, 60));
    at.put('p.yaml', edited);
    expect(await at.run()).toMatchObject({ records_in: 30, dead_letters: 0 });
    const rows = at.rows('out/rows.jsonl');
    expect(rows.slice(0, before.length)).toEqual(before);
    const added = rows.slice(before.length).reduce((sum, row) => sum + (row['n'] as number), 0);
    expect(added).toBe(edited.includes('> 1') ? 18 : 24);
    // the rolling step still knows the records of the first run
    const times = (await at.cat('all')).map(({ value }) => (value as { times: number }).times);
    expect(Math.max(...times)).toBeGreaterThan(10);
    expect(await at.run()).toMatchObject({ records_in: 0 });
    expect(at.rows('out/rows.jsonl')).toEqual(rows);
  });

  it('drops the state of a step removed, and starts one added from nothing', async () => {
    await first();
    at.put('p.yaml', pipeline([STEPS.positive, STEPS.per], [OUTPUTS.rows]));
    expect(await at.run()).toMatchObject({ records_in: 0 });
    appendFileSync(join(at.path, 'in.jsonl'), sales(30, 33));
    at.put('p.yaml', usual);
    await at.run();
    expect((await at.cat('all')).slice(-2).map(({ value }) => (value as { times: number }).times)).toEqual([1, 1]);
  });

  it('writes to another path from there on, and leaves the old file as it is', async () => {
    await first();
    const before = at.text('out/rows.jsonl');
    appendFileSync(join(at.path, 'in.jsonl'), sales(30, 60));
    at.put('p.yaml', usual.replace('out/rows.jsonl', 'out/other.jsonl'));
    await at.run();
    expect(at.text('out/rows.jsonl')).toBe(before);
    expect(at.rows('out/other.jsonl').reduce((sum, row) => sum + (row['n'] as number), 0)).toBe(24);
  });

  it.each([
    ['the size of a window', usual.replace('tumbling: 10s', 'tumbling: 20s'), 'per'],
    ['an aggregate', usual.replace('sum(amount)', 'max(amount)'), 'per'],
    ['the key of a step', usual.replace('window, key: shop', 'window, key: id'), 'per'],
    ['the range of a rolling step', usual.replace('range: 1m', 'range: 2m'), 'seen'],
  ])('is refused when its state would not fit: %s', async (_, edited, step) => {
    await first();
    const before = at.text('out/rows.jsonl');
    at.put('p.yaml', edited);
    const refused = await at.refuse();
    clear(refused, 'plan_changed');
    expect(refused.stderr).toContain(`step ${step}`);
    expect(at.text('out/rows.jsonl')).toBe(before);
    at.put('p.yaml', usual);
    expect(await at.run()).toMatchObject({ records_in: 0 });
  });

  it('is refused after a crash, until the run is finished as it was', async () => {
    at.put('p.yaml', usual);
    at.put('in.jsonl', sales(0, 30_000));
    const child = at.start(['run', 'p.yaml', '--until', 'end', '--data-dir', 'data'], { env: { MILLRACE_PROBE: 'batch.committed:2' } });
    await child.saw('probe batch.committed');
    await child.kill();
    at.put('p.yaml', usual.replace('amount > 0', 'amount > 1'));
    clear(await at.refuse(), 'plan_changed');
    at.put('p.yaml', usual);
    await at.run();
    at.put('p.yaml', usual.replace('amount > 0', 'amount > 1'));
    expect(await at.run()).toMatchObject({ records_in: 0 });
  });
});

describe('files that others touch between two runs', () => {
  it.each([
    ['changed in the part that was read', () => at.put('in.jsonl', sales(0, 30).replace('shop0', 'shop9')), 'source_changed'],
    ['cut', () => truncateSync(join(at.path, 'in.jsonl'), 100), 'source_changed'],
    ['gone', () => rmSync(join(at.path, 'in.jsonl')), 'source_missing'],
  ])('an input that is %s is refused', async (_, touch, code) => {
    await first();
    touch();
    clear(await at.refuse(), code);
    at.put('in.jsonl', sales(0, 31));
    expect(await at.run()).toMatchObject({ records_in: 1 });
  });

  it.each([
    ['cut', () => truncateSync(join(at.path, 'out/rows.jsonl'), 10)],
    ['gone', () => rmSync(join(at.path, 'out/rows.jsonl'))],
  ])('an output that is %s is not passed over', async (_, touch) => {
    await first();
    touch();
    clear(await at.refuse(), 'sink_truncated');
  });

  it('what others wrote behind an output is cut off', async () => {
    await first();
    const before = at.text('out/rows.jsonl');
    appendFileSync(join(at.path, 'out/rows.jsonl'), 'mine\n');
    await at.run();
    expect(at.text('out/rows.jsonl')).toBe(before);
  });
});

describe('one data directory', () => {
  it('serves two pipelines, one reading what the other writes', async () => {
    await first();
    at.put(
      'q.yaml',
      `version: 1
name: reader
schemas: { row: { type: record, name: Row, fields: [ { name: id, type: string }, { name: times, type: long } ] } }
preprocess:
  sources:
    - { id: all, type: topic, topic: all, format: json, schema: row }
  outputs:
    - { id: copy, type: file, path: out/copy.csv, format: csv }
`,
    );
    const { code, stderr } = await at.call(['run', 'q.yaml', '--until', 'end', '--data-dir', 'data']);
    expect([code, stderr]).toEqual([0, '']);
    expect(at.text('out/copy.csv').trimEnd().split('\n')).toHaveLength(25);
    expect(await at.run()).toMatchObject({ records_in: 0 });
  });

  it('is for one process at a time', async () => {
    at.put('p.yaml', usual);
    at.put('in.jsonl', sales(0, 30));
    const child = at.start(['run', 'p.yaml', '--data-dir', 'data', '--json']);
    await child.saw('');
    for (let tries = 0; tries < 50; tries++) {
      const list = await at.call(['topic', 'list', '--data-dir', 'data']);
      if (list.code === 0 && list.stdout.includes('sales.dead')) break;
    }
    clear(await at.refuse(), 'already_running');
    const begun = performance.now();
    const { code } = await child.kill('SIGTERM');
    expect(code).toBe(0);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await at.run()).toMatchObject({ dead_letters: 0 });
    expect(at.rows('out/rows.jsonl').reduce((sum, row) => sum + (row['n'] as number), 0)).toBe(24);
  });

  it.each([
    ['a file', 'storage_unusable', () => at.put('data', 'x')],
    ['a damaged database', 'storage_(corrupt|unusable)', () => at.put('data/log.mdb', 'x'.repeat(10_000))],
  ])('that is %s is one clear error', async (_, code, touch) => {
    at.put('p.yaml', usual);
    at.put('in.jsonl', sales(0, 30));
    touch();
    clear(await at.refuse(), code);
  });

  it('an output that cannot be written is one clear error', async () => {
    at.put('in.jsonl', sales(0, 30));
    at.put('p.yaml', usual);
    at.put('out', 'a file where a directory should be');
    clear(await at.refuse(), 'sink_unwritable');
    rmSync(join(at.path, 'out'));
    expect(await at.run()).toMatchObject({ records_in: 30 });
  });

  it('a full disk is one clear error', async () => {
    at.put('in.jsonl', sales(0, 30));
    at.put('p.yaml', usual.replace('out/rows.jsonl', '/dev/full'));
    clear(await at.refuse(), 'storage_full');
  });
});

describe('topics with several writers', () => {
  it('two outputs to one topic both arrive, when they write alike', async () => {
    at.put('in.jsonl', sales(0, 30));
    at.put('p.yaml', pipeline([STEPS.positive], ['{ id: a, from: positive, topic: t }', '{ id: b, from: sales, topic: t }']));
    await at.run();
    expect(await at.cat('t')).toHaveLength(54);
    at.put('p.yaml', pipeline([STEPS.positive], ['{ id: a, from: positive, topic: t }', '{ id: b, from: sales, topic: t, schema: sale }']));
    const { code, stdout } = await at.call(['lint', '--json', 'p.yaml']);
    const { findings } = JSON.parse(stdout) as { findings: { code: string }[] };
    expect([code, findings.map((finding) => finding.code)]).toEqual([1, ['duplicate_target']]);
  });

  it('a pipeline that reads a topic it writes ends when its writers have', async () => {
    at.put('in.jsonl', sales(0, 300));
    at.put(
      'p.yaml',
      usual
        .replace('  steps:\n', '    - { id: back, type: topic, topic: all, format: json, schema: sale, key: id, event_time: { field: at } }\n  steps:\n')
        .replace('type: filter,', 'type: filter, from: sales,')
        .replace('type: window,', 'type: window, from: back,'),
    );
    await at.run();
    expect(at.rows('out/rows.jsonl').reduce((sum, row) => sum + (row['n'] as number), 0)).toBe(240);
  });
});

it('topics that are there keep the partitions they have', async () => {
  await first();
  at.put('two.yaml', 'transport: { type: embedded, topics: { partitions: 2 } }\n');
  expect(await at.run('--profile', 'two.yaml')).toMatchObject({ records_in: 0 });
  appendFileSync(join(at.path, 'in.jsonl'), sales(30, 60));
  expect(await at.run('--profile', 'two.yaml')).toMatchObject({ records_in: 30, dead_letters: 0 });
  expect(at.rows('out/rows.jsonl').reduce((sum, row) => sum + (row['n'] as number), 0)).toBe(48);
});
