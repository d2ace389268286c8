import { describe, expect, it } from 'vitest';
import { eventTimeOf, parseIso } from './event-time.ts';

describe('parseIso', () => {
  it.each([
    ['2018-04-01T00:00:31Z', Date.UTC(2018, 3, 1, 0, 0, 31)],
    ['2018-04-01 00:00:31', Date.UTC(2018, 3, 1, 0, 0, 31)],
    ['2018-04-01T02:00:31.1239+02:00', Date.UTC(2018, 3, 1, 0, 0, 31, 123)],
    ['2018-04-01T00:00-0130', Date.UTC(2018, 3, 1, 1, 30)],
    ['0001-01-01', -62135596800000],
    ['1969-12-31T23:59:59.999Z', -1],
  ])('%s', (text, time) => expect(parseIso(text)).toBe(time));

  it.each(['', '2018', '2018-4-1', '2018-02-30', '2018-04-01T24:00', '2018-04-01T10', 'yesterday', '2018-04-01T00:00:00 Z', '20180401'])('refuses %j', (text) =>
    expect(parseIso(text)).toBeNaN(),
  );
});

describe('eventTimeOf', () => {
  it('takes ms, microseconds, days and text', () => {
    expect(eventTimeOf('t', { kind: 'BIGINT' })({ t: 5 })).toBe(5);
    expect(eventTimeOf('t', { kind: 'TIMESTAMP' })({ t: -1 })).toBe(-1);
    expect(eventTimeOf('t', { kind: 'DATE' })({ t: 1 })).toBe(86_400_000);
    expect(eventTimeOf('t', { kind: 'VARCHAR' })({ t: '1970-01-02' })).toBe(86_400_000);
  });
  it('knows when there is none', () => {
    for (const kind of ['BIGINT', 'TIMESTAMP', 'DATE', 'VARCHAR'] as const) expect(eventTimeOf('t', { kind })({ t: null })).toBeNaN();
  });
});
