import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@millrace/runtime/random.ts';
import { succeed } from './cli.ts';
import type { Fields } from './time-model.ts';

/** Test support: pipelines over events with a key, numbers, a list and an event time, laid out in a directory and run by the command. */
const root = mkdtempSync(join(tmpdir(), 'millrace-time-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

const SCHEMA = `schemas:
  event:
    type: record
    name: Event
    fields:
      - { name: id, type: string }
      - { name: k, type: string }
      - { name: g, type: int }
      - { name: v, type: [ "null", long ] }
      - { name: x, type: double }
      - { name: tags, type: [ "null", { type: array, items: int } ] }
      - { name: m, type: [ "null", string ] }
      - { name: t, type: long }
`;
const KEYS = ['a', 'b', 'ä', '日本', '😀', '', 'a|b', '\u0000'];

/** Records around 1970, up to `disorder` behind the highest time so far, one in fifty far behind. */
export function records(seed: number, count: number, { disorder = 4000, far = 60_000, step = 120 } = {}): Fields[] {
  const random = seededRandom(seed);
  let now = -20_000;
  return Array.from({ length: count }, () => {
    now += random.below(step * 2);
    const back = random.uniform() < 0.02 ? random.below(far) : random.below(disorder);
    const t = random.uniform() < 0.3 ? Math.floor((now - back) / 500) * 500 : now - back;
    return {
      id: `i${random.below(Math.ceil(count / 3))}`,
      k: KEYS[random.below(KEYS.length)],
      g: random.below(3),
      v: random.uniform() < 0.1 ? null : random.below(1000) - 300,
      x: (random.below(4000) - 2000) / 4,
      tags: random.uniform() < 0.2 ? null : Array.from({ length: random.below(4) }, () => random.below(5)),
      m: random.uniform() < 0.2 ? null : `m${random.below(5)}`,
      t,
    };
  });
}

export const lines = (rows: readonly Fields[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** Lays out a pipeline and its files. `bare`: it brings schemas of its own. */
export function place(
  name: string,
  yaml: string,
  files: Readonly<Record<string, string>> = {},
  { bare = false } = {},
): { dir: string; pipeline: string; data: string } {
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  const pipeline = join(dir, 'p.yaml');
  writeFileSync(pipeline, `version: 1\nname: time\n${bare ? '' : SCHEMA}${yaml}`);
  return { dir, pipeline, data: join(dir, 'data') };
}

export const read = (path: string): Fields[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Fields)
    : [];

export async function dead(data: string, topic = 'time.dead'): Promise<{ step: string; code: string; offset: string; source: string }[]> {
  const out = await succeed(['topic', 'cat', topic, '--json', '--headers', '--data-dir', data, '--until', 'end']);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { headers } = JSON.parse(line) as { headers: Record<string, string> };
      return { step: headers['error.step'], code: headers['error.code'], offset: headers['error.offset'], source: headers['error.topic'] };
    });
}

export async function topic(name: string, data: string): Promise<Fields[]> {
  const out = await succeed(['topic', 'cat', name, '--json', '--data-dir', data, '--until', 'end']);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { value: Fields }).value);
}

export const produce = (data: string, rows: readonly Fields[], partitions: number): Promise<string> =>
  succeed(['topic', 'produce', 'events', '--key', 'k', '--partitions', `${partitions}`, '--data-dir', data], { input: lines(rows) });

export const end = (pipeline: string, data: string, ...more: string[]): Promise<string> =>
  succeed(['run', pipeline, '--until', 'end', '--data-dir', data, ...more]);
