import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { difference, killed, newKillLog, type Scenario, undisturbed } from './support/kills.ts';

const scenario: Scenario = {
  name: 'sales',
  yaml: `
version: 1
name: sales
schemas:
  sale:
    type: record
    name: Sale
    fields:
      - { name: id, type: string }
      - { name: shop, type: string }
      - { name: amount, type: long }
      - { name: at, type: long }
preprocess:
  sources:
    - { id: sales, type: file, path: in.jsonl, format: json, schema: sale, key: id, event_time: { field: at, out_of_order: 5s } }
  steps:
    - { id: positive, type: filter, where: "amount > 0" }
    - { id: windows, type: window, key: shop, window: { tumbling: 10s }, select: { n: "count(*)", total: "sum(amount)" } }
    - { id: seen, type: rolling, from: positive, key: id, range: 1m, add: { times: "count(*)" } }
  outputs:
    - { id: enriched, from: seen, topic: enriched }
    - { id: per_shop, from: windows, type: file, path: out/windows.jsonl, format: json }
    - { id: all, from: seen, type: file, path: out/all.jsonl, format: json }
`,
  prepare: async (dir) => {
    const random = seededRandom(7);
    const lines: string[] = [];
    for (let i = 0; i < 200_000; i++) {
      const at = 1_700_000_000_000 + i * 20 - random.below(6) * 1000;
      lines.push(
        i % 997 === 5 ? `broken ${i}` : JSON.stringify({ id: `s${random.below(5000)}`, shop: `shop${random.below(200)}`, amount: random.below(100) - 10, at }),
      );
    }
    writeFileSync(join(dir, 'in.jsonl'), `${lines.join('\n')}\n`);
  },
  files: ['out/windows.jsonl', 'out/all.jsonl'],
  topics: ['enriched', 'sales.dead'],
};

describe('a process killed from outside', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'millrace-crash-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('leaves the answer of a run that was not', async () => {
    const expected = await undisturbed(scenario, join(dir, 'calm'));
    expect(expected['out/all.jsonl']?.length).toBeGreaterThan(100_000);
    const log = newKillLog();
    for (const seed of [1, 2, 3]) {
      const got = await killed(scenario, join(dir, `killed-${seed}`), 12, seededRandom(seed), log, { timesUpTo: 900 });
      expect(difference(expected, got)).toBe('');
    }
    expect(log.kills).toBeGreaterThan(2);
  }, 300_000);
});
