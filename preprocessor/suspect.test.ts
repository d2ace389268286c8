import { describe, expect, it } from 'vitest';
import { afterDeath, Caution, poison, type Suspect, suspectKey, WARY_RECORDS } from './suspect.ts';

const written = (puts: ReturnType<Caution['before']>): Suspect | null => {
  const value = puts?.[0]?.[1];
  return value ? (JSON.parse(Buffer.from(value).toString()) as Suspect) : null;
};

describe('what a record is blamed for', () => {
  it('only deaths with the record in hand count', () => {
    let found = written(new Caution(suspectKey('p'), ['a.0'], null).before('a.0', '0:7', true)) as Suspect;
    expect(found).toEqual({ task: 'a.0', record: '0:7', deaths: 0, armed: true });
    for (const deaths of [1, 1, 1]) {
      // it died once at the record, then twice while starting
      found = afterDeath(found);
      expect(found.deaths).toBe(deaths);
    }
    for (const deaths of [2, 3]) {
      expect(poison(found, 'a.0')).toBe(null);
      found = afterDeath(written(new Caution(suspectKey('p'), ['a.0'], found).before('a.0', '0:7', true)) as Suspect);
      expect(found.deaths).toBe(deaths);
    }
    expect(poison(found, 'a.0')).toBe('0:7');
    expect(poison(found, 'b.0')).toBe(null);
  });

  it('what was found stays suspect until it has been taken', () => {
    const found: Suspect = { task: 'a.0', record: '0:7', deaths: 2, armed: false };
    const caution = new Caution(suspectKey('p'), ['a.0', 'b.0'], found);
    expect(caution.after()).toEqual([]);
    caution.before('b.0', '0:1', true);
    expect(written(caution.after())).toEqual(found);
    caution.before('a.0', '0:7', false);
    expect(written(caution.after())).toEqual(found);
    caution.before('a.0', '0:7', true);
    expect(caution.after()).toEqual([['p/p/suspect', null]]);
  });

  it('each task is trusted by itself, after as many records as one fetch could have brought', () => {
    const caution = new Caution(suspectKey('p'), ['a.0', 'b.0'], null);
    for (let i = 0; i < WARY_RECORDS; i++) {
      expect(caution.trusts('a.0')).toBe(false);
      caution.before('a.0', `0:${i}`, true);
      caution.before('b.0', '0:0', false);
    }
    expect(caution.trusts('a.0')).toBe(true);
    expect(caution.needed).toBe(true);
    for (let i = 0; i < WARY_RECORDS; i++) caution.before('b.0', `0:${i}`, true);
    expect(caution.needed).toBe(false);
  });
});
