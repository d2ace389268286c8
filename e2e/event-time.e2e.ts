/** Where event time comes from, what is no event time, and what becomes of late records. */
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bag, type Fields, rolling, rowsOf, source, window } from './support/time-model.ts';
import { dead, end, lines, place, read, records } from './support/time-pipelines.ts';

const HOUR = 3_600_000;

function timed(type: string): string {
  return `schemas:
  event: { type: record, name: Event, fields: [ { name: id, type: string }, { name: k, type: string }, { name: at, type: ${type} } ] }
preprocess:
  sources: [ { id: in, type: file, path: in.jsonl, format: json, schema: event, event_time: { field: at, out_of_order: 1h, max_ahead: 1h } } ]
  steps: [ { id: hours, type: window, key: k, window: { tumbling: 1h }, select: { n: "count(*)", f: "first(id)" } } ]
  outputs: [ { id: out, type: file, path: out.jsonl, format: json } ]
`;
}

/** ms of each record of the test below, as each type writes them */
const TIMES = [-62_135_596_800_000, -HOUR - 1, -1, 0, 1, HOUR - 1, HOUR, 1_700_000_000_123];
const iso = (ms: number): string => {
  const date = new Date(ms).toISOString();
  return ms === 0 ? date.slice(0, 10) : ms === HOUR ? '1970-01-01T03:00:00+02:00' : date;
};

test.each([
  ['long', (ms: number) => ms, [253_402_300_800_000, -62_135_596_800_001, Number.MAX_SAFE_INTEGER]],
  ['string', iso, ['1970-02-30', 'soon', '', '10000-01-01T00:00:00Z', '0000-12-31T23:59:59Z', '1970-01-01T25:00:00Z']],
  ['[ "null", long ]', (ms: number) => ms, [null, 253_402_300_800_000]],
  ['{ type: long, logicalType: timestamp-millis }', (ms: number) => ms, [253_402_300_800_000]],
  ['{ type: long, logicalType: timestamp-micros }', (ms: number) => ms * 1000 + 999, [-62_135_596_800_001_000]],
] as const)('event time as %s', async (type, write, absurd) => {
  const rows: Fields[] = TIMES.map((ms, i) => ({ id: `i${i}`, k: 'é', at: write(ms) }));
  const bad = absurd.map((at, i) => ({ id: `bad${i}`, k: 'é', at }));
  const { dir, pipeline, data } = place(`form-${type.replaceAll(/\W/g, '')}`, timed(type), { 'in.jsonl': lines([...bad, ...rows]) }, { bare: true });
  // an hour ahead of the file's time is not too far, a millisecond more is
  utimesSync(join(dir, 'in.jsonl'), new Date(), new Date(1_700_000_000_123 - HOUR));
  await end(pipeline, data);
  expect((await dead(data)).map(({ step, code, offset, source }) => [step, code, Number(offset), source])).toEqual(
    bad.map((_, i) => ['in', 'invalid_event_time', i, 'in']),
  );
  const flow = window(source([TIMES.map((t, i) => ({ id: `i${i}`, k: 'é', t }))], HOUR), { key: ['k'], size: HOUR }, (all) => ({
    n: all.length,
    f: all[0].row.id,
  }));
  expect(bag(read(join(dir, 'out.jsonl')))).toEqual(bag(rowsOf(flow)));
});

test('max_ahead is measured from the time the file had when it was first opened', async () => {
  const rows = [0, HOUR, HOUR + 1, 5].map((t, i) => ({ id: `i${i}`, k: 'a', at: t }));
  const { dir, pipeline, data } = place('ahead', timed('long'), { 'in.jsonl': lines(rows) }, { bare: true });
  utimesSync(join(dir, 'in.jsonl'), new Date(), new Date(0));
  await end(pipeline, data);
  expect((await dead(data)).map(({ step, code, offset }) => [step, code, offset])).toEqual([['in', 'event_time_ahead', '2']]);
  expect(read(join(dir, 'out.jsonl')).map(({ n }) => n)).toEqual([2, 1]);
  // a file touched later is still the one of then
  utimesSync(join(dir, 'in.jsonl'), new Date(), new Date(9 * HOUR));
  const again = await end(pipeline, data);
  expect(again).not.toContain('error');
  expect(await dead(data)).toHaveLength(1);
});

test.each(['drop', 'dead_letter'] as const)('late: %s at the source holds for its steps, unless a step says otherwise', async (late) => {
  const other = late === 'drop' ? 'dead_letter' : 'drop';
  const rows = records(41, 800);
  const { dir, pipeline, data } = place(
    `late-${late}`,
    `preprocess:
  sources: [ { id: in, type: file, path: in.jsonl, format: json, schema: event, event_time: { field: t, out_of_order: 1s, late: ${late} } } ]
  steps:
    - { id: kept, type: filter, where: "g < 2" }
    - { id: as_source, type: window, from: kept, key: k, window: { tumbling: 2s }, select: { n: "count(*)" } }
    - { id: own, type: window, from: kept, key: k, window: { tumbling: 1s }, late: ${other}, select: { n: "count(*)" } }
    - { id: past, type: rolling, from: kept, key: k, range: 1s, allowed_lateness: 500ms, add: { n: "count(*)" } }
  outputs:
    - { id: a, from: as_source, type: file, path: a.jsonl, format: json }
    - { id: b, from: own, type: file, path: b.jsonl, format: json }
    - { id: c, from: past, type: file, path: c.jsonl, format: json }
`,
    { 'in.jsonl': lines(rows) },
  );
  const { dead_letters: total, dropped } = JSON.parse((await end(pipeline, data, '--json')).trim().split('\n').at(-1) as string) as Fields;
  const flow = source([rows], 1000);
  const kept = { ...flow, events: flow.events.filter((event) => typeof event === 'number' || (event.row.g as number) < 2) };
  const count = (all: readonly unknown[]): Fields => ({ n: all.length });
  const [asSource, own] = [2000, 1000].map((size) => window(kept, { key: ['k'], size }, count));
  const past = rolling(kept, { key: ['k'], range: 1000, lateness: 500 }, count);
  for (const [file, wanted] of Object.entries({ a: asSource, b: own, c: past }))
    expect.soft(bag(read(join(dir, `${file}.jsonl`))), file).toEqual(bag(rowsOf(wanted)));
  const letters = (await dead(data)).map(({ step, code }) => `${step} ${code}`);
  const lettered = { as_source: asSource.late.length, own: own.late.length, past: past.late.length };
  const silent = late === 'drop' ? ['as_source', 'past'] : ['own'];
  for (const [step, number] of Object.entries(lettered)) {
    expect(number).toBeGreaterThan(0);
    expect.soft(letters.filter((letter) => letter === `${step} late`).length, step).toBe(silent.includes(step) ? 0 : number);
  }
  expect({ total, dropped }).toEqual({
    total: letters.length,
    dropped: silent.reduce((sum, step) => sum + lettered[step as keyof typeof lettered], 0),
  });
});
