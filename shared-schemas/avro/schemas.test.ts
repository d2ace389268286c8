import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseSchema } from '../avro.ts';
import { incompatibilities } from '../registry/evolution.ts';

const dir = new URL('.', import.meta.url);
const files = readdirSync(dir).filter((name) => name.endsWith('.avsc'));
const read = (name: string): ReturnType<typeof parseSchema> => parseSchema(JSON.parse(readFileSync(new URL(name, dir), 'utf8')));

test.each(files)('%s is named by version, can be used, and can follow the version before', (name) => {
  const match = /^([a-z_]+)\.v(\d+)\.avsc$/.exec(name);
  expect(match).not.toBeNull();
  const [, base, version] = match as unknown as [string, string, string];
  const before = `${base}.v${Number(version) - 1}.avsc`;
  expect(version === '1' || files.includes(before)).toBe(true);
  expect(version === '1' ? [] : incompatibilities(read(name), read(before))).toStrictEqual([]);
  expect(read(name).root.fields.length).toBeGreaterThan(0);
});
