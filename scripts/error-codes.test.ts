import { fileURLToPath } from 'node:url';
import { errorTable } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import { codesIn, codesInSources } from './error-codes.ts';
import { errorsPage } from './errors-page.ts';

const sources = codesInSources(fileURLToPath(new URL('..', import.meta.url)));
const known = new Set(Object.keys(errorTable));

test('a code is seen wherever one is given', () => {
  const text = `
    throw new MillraceError('a_b', 'x');
    context.flaw(why ? 'c_d' : 'e_f', 'late', row);
    report.error(node, 'g_h', 'text');
    const flaw = { code: 'i_j', message: 'k' };
    say({ level: 'info', code: 'stopping' });
    other('no_code');
  `;
  expect(codesIn('a.ts', text).named.sort()).toEqual(['a_b', 'c_d', 'e_f', 'g_h', 'i_j']);
});

test('every code that the sources name is in the table', () => {
  expect(sources.named.length).toBeGreaterThan(100);
  expect(sources.named.filter(({ code }) => !known.has(code))).toEqual([]);
});

test('every code of the table is used', () => {
  expect([...known].filter((code) => !sources.texts.has(code))).toEqual([]);
});

test('every code is on the page, once', () => {
  const page = errorsPage();
  for (const code of known) expect(page.split(`| \`${code}\` |`)).toHaveLength(2);
});
