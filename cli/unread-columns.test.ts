import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { called, tempDir } from './millrace.case.ts';

const dir = tempDir();

const PIPELINE = `version: 1
name: unread
schemas:
  payment:
    type: record
    name: Payment
    fields:
      - { name: id, type: long }
      - { name: card, type: ["null", string] }
      - { name: x, type: double }
      - { name: pad, type: string }
      - { name: note, type: ["null", string], default: null }
      - { name: at, type: long }
preprocess:
  sources:
    - { id: payments, type: file, path: in.jsonl, format: json, schema: payment, event_time: { field: at, out_of_order: 1s } }
  steps:
    - { id: root, type: map, set: { r: "sqrt(x)" } }
    - { id: slim, type: map, set: { s: "sqrt(x - 1)" }, drop: [note] }
    - { id: recent, type: rolling, key: card, range: 1m, emit: on_watermark, add: { n: "count(*)" } }
    - { id: last, type: map, set: { t: "sqrt(2 - n)" }, drop: [pad] }
  outputs:
    - { id: out, type: file, path: out.jsonl, format: json }
`;

test('columns that nothing reads need not be kept, but stand in the record of a dead letter', async () => {
  const record = (id: number, more: object) => JSON.stringify({ id, card: 'a', x: 4, pad: `p${id}`, note: `n${id}`, at: id * 10, ...more });
  const lines = [
    record(0, {}),
    record(1, { x: -1 }),
    record(2, { x: 0.5 }),
    record(3, {}),
    record(4, { card: null }),
    record(5, {}),
    record(6, { at: 5000, card: 'b' }),
  ];
  writeFileSync(join(dir.path, 'in.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(join(dir.path, 'p.yaml'), PIPELINE);
  const { code, stderr } = await called(dir.path, ['run', 'p.yaml', '--until', 'end', '--data-dir', 'data']);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const { stdout } = await called(dir.path, ['topic', 'cat', 'unread.dead', '--json', '--headers', '--until', 'end', '--data-dir', 'data']);
  const dead = stdout.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { headers: Record<string, string> }).headers]));
  const seen = Object.fromEntries(dead.map((headers) => [headers['error.step'], JSON.parse(headers['error.record'])]));
  expect(seen).toEqual({
    // with x and id, everything that came in; behind `slim` no note any more; what waited for the watermark is its own
    root: { id: 1, card: 'a', x: -1, pad: 'p1', note: 'n1', at: 10 },
    slim: { id: 2, card: 'a', x: 0.5, pad: 'p2', note: 'n2', at: 20, r: Math.sqrt(0.5) },
    recent: { id: 4, card: null, x: 4, pad: 'p4', at: 40, r: 2, s: Math.sqrt(3) },
    last: { id: 5, card: 'a', x: 4, pad: 'p5', at: 50, r: 2, s: Math.sqrt(3), n: 3 },
  });
});
