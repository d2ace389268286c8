import { expect, test } from 'vitest';
import { openMemory } from '../memory.ts';
import { CatalogRegistry } from './catalog-registry.ts';

const schema = (...fields: readonly [name: string, type: unknown, more?: object][]): unknown => ({
  type: 'record',
  name: 'R',
  fields: fields.map(([name, type, more]) => ({ name, type, ...more })),
});
const clock = () => {
  let now = 0;
  const pass = (ms: number): void => {
    now += ms;
  };
  return { now: () => now, monotonic: () => now, cpu: () => 0, pass };
};

test('two machines give a schema the same id, and each finds what the other wrote', async () => {
  const { log } = openMemory();
  await log.ensure('a', 1);
  await log.ensure('b', 1);
  const [one, two] = [new CatalogRegistry(log, clock()), new CatalogRegistry(log, clock())];
  const id = await one.register('a-value', schema(['x', 'long']));
  expect(id).toBeGreaterThan(0);
  expect(await two.register('b-value', schema(['x', 'long']))).toBe(id);
  const other = await two.register('a-value', schema(['x', 'long'], ['y', ['null', 'string'], { default: null }]));
  expect(other).not.toBe(id);
  expect(one.knows(other)).toBe(true);
  expect(one.byId(other)?.json).toEqual(schema(['x', 'long'], ['y', ['null', 'string'], { default: null }]));
  // one that stands needs no check, whatever came after it
  expect(await one.register('a-value', schema(['x', 'long']))).toBe(id);
});

test('what breaks readers is refused, for writers and readers', async () => {
  const { log } = openMemory();
  await log.ensure('a', 1);
  const registry = new CatalogRegistry(log, clock());
  await registry.register('a-value', schema(['x', 'long']));
  const breaking = schema(['x', 'long'], ['y', 'string']);
  await expect(registry.register('a-value', breaking)).rejects.toMatchObject({ code: 'schema_incompatible' });
  expect(() => registry.checkWriter('a-value', breaking)).toThrow(expect.objectContaining({ code: 'schema_incompatible' }));
  expect(() => registry.checkReader('a-value', breaking)).toThrow(expect.objectContaining({ code: 'schema_incompatible' }));
  registry.checkReader('a-value', schema(['x', 'double']));
  await expect(registry.register('gone-value', breaking)).rejects.toMatchObject({ code: 'unknown_topic' });
});

test('an id that nobody has is waited for, and then believed to be nobody’s for a while', async () => {
  const { log } = openMemory();
  await log.ensure('a', 1);
  const time = clock();
  const registry = new CatalogRegistry({ ...log, wait: async (ms: number) => time.pass(ms), topics: () => log.topics() } as typeof log, time);
  expect(registry.knows(7)).toBe(false);
  await registry.fetch(7);
  expect([registry.knows(7), registry.byId(7)]).toEqual([true, null]);
  time.pass(61_000);
  expect(registry.knows(7)).toBe(false);
});
