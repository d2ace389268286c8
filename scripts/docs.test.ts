import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeDocs } from './docs.ts';

test('a page that differs is reported by check and mended by write', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'docs-'));
  const pages = [{ path: 'docs/a.md', generate: () => '# A\n' }];
  expect(await writeDocs(dir, pages, true)).toEqual(['docs/a.md']);
  expect(await writeDocs(dir, pages, false)).toEqual(['docs/a.md']);
  expect(readFileSync(join(dir, 'docs/a.md'), 'utf8')).toBe('# A\n');
  expect(await writeDocs(dir, pages, true)).toEqual([]);
  writeFileSync(join(dir, 'docs/a.md'), '# B\n');
  expect(await writeDocs(dir, pages, true)).toEqual(['docs/a.md']);
  rmSync(dir, { recursive: true });
});
