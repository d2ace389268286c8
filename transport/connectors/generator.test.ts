import { expect, test } from 'vitest';
import { GeneratorReader, type Pace, perSecond } from './generator.ts';

let now = 0;
const clock = { now: () => now, monotonic: () => now, cpu: () => now };
const text = (i: number) => `{"i":${i},"pad":"${'p'.repeat((i * 31) % 5000)}"}`;
const make = (i: number, buffer: Buffer, pos: number) => {
  const record = text(i);
  return buffer.length - pos < record.length ? -1 : pos + buffer.write(record, pos);
};
const options = { source: 's', make, count: 100 as number | null, pace: null as Pace | null, start: 1000, clock };

function all(reader: GeneratorReader, maxBytes = 100_000, maxRecords?: number): number[] {
  const offsets: number[] = [];
  for (let view = reader.poll(maxBytes, maxRecords); view !== null; view = reader.poll(maxBytes, maxRecords)) {
    for (let n = 0; n < view.count; n++) {
      expect(view.buffer.toString('utf8', view.valueStart[n], view.valueEnd[n])).toBe(text(view.offsets[n]));
      offsets.push(view.offsets[n]);
    }
  }
  return offsets;
}

const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

test('gives its records, from anywhere, in views of any size', () => {
  const reader = new GeneratorReader(options);
  expect(reader.end()).toEqual({ offset: 100 });
  expect(all(reader)).toEqual(upTo(0, 100));
  expect(reader.reached(reader.end())).toBe(true);
  reader.seek({ offset: 40 });
  expect(all(reader, 1, 3)).toEqual(upTo(40, 100));
  expect(all(new GeneratorReader(options, { offset: 90 }))).toEqual(upTo(90, 100));
  reader.seek({ offset: 0 });
  reader.limit({ offset: 7 });
  expect(all(reader)).toEqual(upTo(0, 7));
  expect(String(Buffer.from(reader.lookup(50)?.value as Uint8Array))).toBe(text(50));
  expect(reader.lookup(100)).toBeNull();
});

test('its end moves with the clock', () => {
  const reader = new GeneratorReader({ ...options, count: null, pace: perSecond(50) });
  now = 999;
  expect(all(reader)).toEqual([]);
  now = 1000;
  expect(all(reader)).toEqual([0]);
  now = 1100;
  expect(all(reader)).toEqual(upTo(1, 6));
  expect(reader.end()).toEqual({ offset: 6 });
  reader.seek({ offset: 5 });
  const view = reader.poll(1e6);
  expect(view?.timestamps[0]).toBe(1100);
  now = 1000 + 60_000;
  expect(reader.end()).toEqual({ offset: 3001 });
  expect(new GeneratorReader({ ...options, pace: perSecond(50) }).end()).toEqual({ offset: 100 });
});
