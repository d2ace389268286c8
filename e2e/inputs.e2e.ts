import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Printed, workshop } from './support/workshop.ts';

const at = workshop();

const HEAD = `version: 1
name: bad
schemas:
  pay: { type: record, name: Pay, fields: [ { name: id, type: long }, { name: card, type: ["null", string], default: null }, { name: x, type: double }, { name: at, type: ["null", long], default: null } ] }
  out: { type: record, name: Out, fields: [ { name: id, type: int }, { name: l, type: double } ] }
`;
const SOURCE = '{ id: pays, type: file, path: in.jsonl, format: json, schema: pay, event_time: { field: at } }';

const line = (some: object): string => JSON.stringify({ id: 1, card: 'a', x: 1.5, at: 1000, ...some });
const bytes = (...parts: (string | Uint8Array)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const file = (lines: readonly (string | Uint8Array)[]): Buffer => Buffer.concat(lines.map((one) => bytes(one, '\n')));
const raw = ({ value, value_base64 }: Printed): Buffer =>
  value_base64 === undefined ? Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) : Buffer.from(value_base64, 'base64');
const short = ({ headers }: Printed): string => `${headers['error.offset']} ${headers['error.code']} ${headers['error.step']}`;

describe('invalid input', () => {
  it('is dead-lettered once with its bytes and its place, and the rest flows', async () => {
    const lines: (string | Uint8Array)[] = [
      line({}),
      bytes('{"id":1,"card":"', new Uint8Array([0xff, 0xfe]), '","x":1,"at":1}'),
      'not json',
      '',
      '{"id":"1","card":"a","x":1,"at":1}',
      '{"__proto__":{"id":5},"constructor":7,"id":2,"card":"__proto__","x":1,"at":1}',
      '{"id":2,"card":"constructor","x":1,"at":1}',
      '{"id":1,"card":"a","x":1}',
      line({ at: 253402300800000 }),
      line({ at: -62135596800001 }),
      '{"id":9223372036854775808,"card":"a","x":1,"at":1}',
      '[1]',
      `{"id":1,"card":"a","x":1,"at":1,"pad":"${'y'.repeat(10_000_000)}"}`,
      `{"id":"","card":"a","x":1,"at":1,"pad":"${'y'.repeat(900_000)}"}`,
      '['.repeat(100_000),
      '{"id":9223372036854775807,"card":"last","x":1,"at":1}',
    ];
    at.put('in.jsonl', file(lines));
    at.put(
      'p.yaml',
      `${HEAD}preprocess:\n  sources:\n    - ${SOURCE}\n  outputs:\n    - { id: out, type: file, path: out.jsonl, format: json }\n    - { id: topic_out, topic: t, key: card }\n`,
    );
    const done = await at.run();
    expect(at.text('out.jsonl').trimEnd().split('\n')).toEqual([
      '{"id":1,"card":"a","x":1.5,"at":1000}',
      '{"id":2,"card":"__proto__","x":1,"at":1}',
      '{"id":2,"card":"constructor","x":1,"at":1}',
      '{"id":9223372036854775807,"card":"last","x":1,"at":1}',
    ]);
    const dead = await at.cat('bad.dead');
    expect(dead.map(short)).toEqual([
      '1 undecodable pays',
      '2 undecodable pays',
      '4 schema_mismatch pays',
      '7 invalid_event_time pays',
      '8 invalid_event_time pays',
      '9 invalid_event_time pays',
      '10 schema_mismatch pays',
      '11 schema_mismatch pays',
      '12 record_too_large pays',
      '13 schema_mismatch pays',
      '14 undecodable pays',
    ]);
    const stamp = String(Math.floor(statSync(join(at.path, 'in.jsonl')).mtimeMs));
    for (const one of dead) {
      expect(one.headers).toMatchObject({ 'error.topic': 'pays', 'error.partition': '0', 'error.timestamp': stamp });
      expect(one.headers['error.message']).not.toBe('');
      expect(one.headers).not.toHaveProperty('error.record');
      const original = bytes(lines[Number(one.headers['error.offset'])] as string);
      expect(one.headers['error.truncated']).toBe(original.length > 512 * 1024 ? 'true' : undefined);
      expect(raw(one).equals(original.subarray(0, 512 * 1024))).toBe(true);
    }
    expect(done).toMatchObject({ records_in: 15, dead_letters: 11, watermark: 999, fraction: 1 });
    expect((await at.cat('t')).map(({ key }) => key).sort()).toEqual(['__proto__', 'a', 'constructor', 'last']);
  });

  it('fails at the step it fails at, behind exchanges too, with the record as the step saw it', async () => {
    const lines = [
      line({ id: 10, x: 2 }),
      line({ id: 11, card: null }),
      line({ id: 9007199254740993n.toString() }).replace('"9007199254740993"', '9007199254740993'),
      line({ id: 13, x: 0 }),
      line({ id: 14, card: 'b' }),
      line({ id: 15, x: 1e308 }),
    ];
    at.put('in.jsonl', file(lines));
    at.put(
      'p.yaml',
      `${HEAD}preprocess:
  sources:
    - ${SOURCE}
  steps:
    - { id: logs, type: map, set: { l: "ln(x)" } }
    - { id: per, type: window, key: card, window: { tumbling: 1m }, select: { n: "count(*)", big: "max(CAST(id AS INTEGER))" } }
    - { id: roots, type: map, from: per, set: { s: "sqrt(n - 2)" } }
  outputs:
    - { id: o1, from: logs, topic: t1, schema: out }
    - { id: o2, from: roots, type: file, path: out/o2.jsonl, format: json }
`,
    );
    await at.run();
    const dead = await at.cat('bad.dead');
    expect(dead.map(short).sort()).toEqual([
      '1 null_key per',
      '2 expression_failed per',
      '2 value_out_of_range o1',
      '3 expression_failed logs',
      '4 expression_failed roots',
    ]);
    for (const one of dead) expect(raw(one).toString()).toBe(lines[Number(one.headers['error.offset'])]);
    const seen = Object.fromEntries(dead.map((one) => [one.headers['error.step'], one.headers['error.record']]));
    expect(JSON.parse(seen['roots'] as string)).toEqual({ card: 'b', n: 1, big: 14, window_start: 0, window_end: 60000 });
    expect(JSON.parse(seen['logs'] as string)).toEqual({ id: 13, card: 'a', x: 0, at: 1000 });
    expect(seen['o1']).toContain('"id":9007199254740993,');
    expect(at.rows('out/o2.jsonl')).toEqual([{ card: 'a', n: 2, big: 15, window_start: 0, window_end: 60000, s: 0 }]);
    expect((await at.cat('t1')).map(({ value }) => (value as { id: number }).id).sort()).toEqual([10, 11, 14, 15]);
  });

  it('over the budget ends the run with 1 and says so', async () => {
    at.put('in.jsonl', file([...Array.from({ length: 90 }, () => line({})), ...Array.from({ length: 10 }, () => 'broken')]));
    const yaml = (ratio: number) =>
      `${HEAD}preprocess:\n  sources:\n    - ${SOURCE}\n  outputs:\n    - { id: out, topic: t }\ndead_letter: { topic: poison, budget: { ratio: ${ratio}, per: 5m, then: pause } }\n`;
    at.put('p.yaml', yaml(0.05));
    const { code, stderr } = await at.refuse();
    expect(code).toBe(1);
    expect(stderr).toMatch(/dead_letter_budget more than 5 %/);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(await at.cat('poison')).toHaveLength(10);
    at.put('p.yaml', yaml(0.5));
    expect((await at.call(['run', 'p.yaml', '--until', 'end', '--data-dir', 'other'])).code).toBe(0);
  });

  it('longer than max_record is refused at any size', async () => {
    at.put('in.jsonl', file([line({ id: 1, pad: 'x'.repeat(100) }), line({ id: 2 }), line({ id: 3, pad: 'x'.repeat(2_000_000) }), line({ id: 4 })]));
    at.put(
      'p.yaml',
      `${HEAD}preprocess:\n  sources:\n    - ${SOURCE.replace('format: json', 'format: json, max_record: 100B')}\n  outputs:\n    - { id: out, type: file, path: out.csv, format: csv }\n`,
    );
    await at.run();
    expect(at.text('out.csv')).toBe('id,card,x,at\n2,a,1.5,1000\n4,a,1.5,1000\n');
    expect((await at.cat('bad.dead')).map(short)).toEqual(['0 record_too_large pays', '2 record_too_large pays']);
  });
});
