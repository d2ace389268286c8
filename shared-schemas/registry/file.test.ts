import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileRegistry } from './file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-registry-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const schema = (...fields: [string, unknown, unknown?][]): unknown => ({
  type: 'record',
  name: 'R',
  fields: fields.map(([name, type, preset]) => (preset === undefined ? { name, type } : { name, type, default: preset })),
});

test('the same schema keeps its id; another gets the next', () => {
  const registry = new FileRegistry(dir);
  expect(registry.register('a-value', schema(['x', 'int']))).toBe(1);
  expect(registry.register('a-value', { ...(schema(['x', 'int']) as object), doc: 'x' })).toBe(1);
  expect(registry.register('b-value', schema(['y', 'int']))).toBe(2);
  expect(registry.register('c-value', schema(['x', 'int']))).toBe(1);
  expect(registry.register('a-value', schema(['x', 'long'], ['z', 'string', '']))).toBe(3);
  expect(registry.register('a-value', schema(['x', 'int']))).toBe(1);
  expect(registry.versions('a-value')).toStrictEqual([1, 3]);
  expect(registry.versions('none')).toStrictEqual([]);
  const later = new FileRegistry(dir);
  expect(later.byId(3)?.root.fields.map(({ name }) => name)).toStrictEqual(['x', 'z']);
  expect(later.byId(4)).toBeNull();
  expect(later.register('d-value', schema(['y', 'int']))).toBe(2);
});

test('a version that breaks its readers is refused and leaves nothing', () => {
  const registry = new FileRegistry(dir);
  registry.register('a-value', schema(['x', 'long']));
  expect(() => registry.register('a-value', schema(['x', 'int'], ['y', 'string']))).toThrow(
    expect.objectContaining({
      code: 'schema_incompatible',
      message: 'a-value: x is long, the new schema reads int; y has no default, and the new schema would miss it in what was written without it',
    }),
  );
  expect(registry.versions('a-value')).toStrictEqual([1]);
  expect(registry.byId(2)).toBeNull();
  expect(registry.register('a-value', schema(['x', 'int'], ['y', 'string']), 'NONE')).toBe(2);
});

test('a subject of any name stays in its directory', () => {
  const registry = new FileRegistry(dir);
  registry.register('../../etc/x', schema(['x', 'int']));
  registry.register('..', schema(['x', 'int']));
  expect(registry.versions('../../etc/x')).toStrictEqual([1]);
  expect(readdirSync(join(dir, 'schemas', 'subjects')).sort()).toStrictEqual(['%2E%2E', '%2E%2E%2F%2E%2E%2Fetc%2Fx']);
});

test('processes that register at once agree', async () => {
  const code = `
    const { FileRegistry } = await import(${JSON.stringify(new URL('file.ts', import.meta.url).href)});
    const registry = new FileRegistry(process.argv[1]);
    const ids = [];
    for (let i = 0; i < 8; i++) ids.push(registry.register('t' + (i % 2), { type: 'record', name: 'R', fields: Array.from({ length: i + 1 }, (_, k) => ({ name: 'f' + k, type: 'int', default: 0 })) }));
    console.log(JSON.stringify(ids));`;
  const run = async (): Promise<number[]> => JSON.parse((await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, dir])).stdout);
  const results = await Promise.all([run(), run(), run()]);
  expect(results[1]).toStrictEqual(results[0]);
  expect(results[2]).toStrictEqual(results[0]);
  expect([...results[0]].sort((a, b) => a - b)).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const registry = new FileRegistry(dir);
  expect(registry.versions('t0')).toStrictEqual([results[0][0], results[0][2], results[0][4], results[0][6]]);
  expect(readdirSync(join(dir, 'schemas', 'ids')).filter((name) => name.endsWith('.tmp'))).toStrictEqual([]);
});
