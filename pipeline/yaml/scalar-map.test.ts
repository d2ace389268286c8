import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Report } from '../report.ts';
import { entryOf } from './node.ts';
import { parseYaml } from './parse.ts';

const word = fc.stringMatching(/^[a-z]{1,6}$/);
const words = fc.array(fc.tuple(word, fc.constantFrom(' ', '  ', '\n', '\n\n', ' é', " ''", ' \u{1f600} ')), { minLength: 1, maxLength: 12 });

/** Ways to write the words as a YAML value; each gives the file. */
const styles: Readonly<Record<string, (parts: (readonly [string, string])[]) => string>> = {
  plain: (parts) => `a: ${parts.map(([w, gap]) => w + gap.replaceAll('\n', '\n   ').replaceAll("''", '')).join('')}end\n`,
  single: (parts) => `a: '${parts.map(([w, gap]) => w + gap.replaceAll('\n', '\n  ')).join('')}'\n`,
  double: (parts) =>
    `a: "${parts.map(([w, gap], i) => (i % 3 === 0 ? `\\x${w.charCodeAt(0).toString(16)}${w.slice(1)}` : w) + (i % 4 === 1 ? '\\\n   ' : gap.replaceAll('\n', '\\t\n  '))).join('')}"\n`,
  literal: (parts) => `a: |\n  ${parts.map(([w, gap]) => w + gap.replaceAll('\n', '\n   ')).join('')}\n`,
  folded: (parts) => `a: >-\n  ${parts.map(([w, gap]) => w + gap.replaceAll('\n', '\n  ')).join('')}\n`,
};

test.for(Object.keys(styles))('every word of a %s scalar is found where it stands', (style) => {
  fc.assert(
    fc.property(words, (parts) => {
      const file = styles[style](parts);
      const report = new Report('f', file);
      const root = parseYaml(file, {}, report);
      expect(report.findings()).toEqual([]);
      const value = root === null ? undefined : entryOf(root, 'a')?.value;
      if (value?.kind !== 'scalar') throw new Error('no scalar');
      let from = 0;
      for (const match of value.text.matchAll(/[a-z]+/g)) {
        const place = value.locate(match.index, match.index + match[0].length);
        const written = file.slice(place.start, place.end).replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
        // a line that goes on joins two words into one
        expect(written.replace(/\\\r?\n\s*/g, '')).toBe(match[0]);
        expect(place.start).toBeGreaterThanOrEqual(from);
        from = place.end;
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('a position behind a variable is found, and one inside it is the variable', () => {
  const file = "a: 'x ${LONG} y''s ${NONE:-d} z $${q}'\n";
  const report = new Report('f', file);
  const root = parseYaml(file, { LONG: 'a long value' }, report);
  const value = root === null ? undefined : entryOf(root, 'a')?.value;
  if (value?.kind !== 'scalar') throw new Error('no scalar');
  expect(value.text).toBe("x a long value y's d z ${q}");
  const at = (text: string): string => {
    const { start, end } = value.locate(value.text.indexOf(text), value.text.indexOf(text) + text.length);
    return file.slice(start, end);
  };
  expect([at('long'), at("y's"), at('d z'), at('z'), at('q}')]).toEqual(['${LONG}', "y''s", '${NONE:-d} z', 'z', 'q}']);
});
