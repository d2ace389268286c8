import { describe, expect, it } from 'vitest';
import { expressionsPage, namedFunctions } from './page.ts';

describe('the page of expressions', () => {
  it('says what every function is for', () => {
    expect(namedFunctions().filter((entry) => entry.about === undefined)).toEqual([]);
  });

  it('names every section and has no empty cell for a function', () => {
    const page = expressionsPage();
    for (const section of ['## Types', '## Operators', '## Functions', '## Aggregates', '## Not here']) expect(page).toContain(section);
    expect(page).not.toMatch(/\| {2}\|$/m);
    expect(page).not.toContain('undefined');
  });
});
