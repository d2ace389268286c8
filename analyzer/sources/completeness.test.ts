import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import { describe, expect, it } from 'vitest';
import { completenessOf, type WriterMark } from './completeness.ts';
import { WriterMarks } from './writer-marks.ts';

const NEVER = Number.NEGATIVE_INFINITY;
const mark = (writer: number, watermark: number, more: Partial<WriterMark> = {}): WriterMark => ({
  writer,
  watermark,
  seq: 1,
  idle: false,
  ended: false,
  ...more,
});

describe('completeness', () => {
  it('is the least of what the listed writers say in every partition', () => {
    expect(
      completenessOf(
        [
          [mark(0, 5), mark(1, 9)],
          [mark(0, 7), mark(1, 6)],
        ],
        [0, 1],
        NEVER,
      ),
    ).toBe(5);
    expect(completenessOf([[mark(0, 5), mark(1, 9)]], [1], NEVER)).toBe(9);
  });
  it('waits for a listed writer that was not heard, and without a list', () => {
    expect(completenessOf([[mark(0, 5)], []], [0], 3)).toBe(3);
    expect(completenessOf([[mark(0, 5)]], null, NEVER)).toBe(NEVER);
  });
  it('leaves out the idle; when all are, the furthest counts', () => {
    expect(completenessOf([[mark(0, 5, { idle: true }), mark(1, 9)]], [0, 1], NEVER)).toBe(9);
    expect(completenessOf([[mark(0, 5, { idle: true }), mark(1, 9, { idle: true })]], [0, 1], NEVER)).toBe(9);
  });
  it('stays at the watermark of one that has ended, and never goes back', () => {
    expect(completenessOf([[mark(0, 5, { ended: true }), mark(1, 9)]], [0, 1], NEVER)).toBe(5);
    expect(completenessOf([[mark(0, NEVER, { ended: true }), mark(1, 9)]], [0, 1], NEVER)).toBe(9);
    expect(completenessOf([[mark(0, 5)]], [0], 8)).toBe(8);
  });
});

describe('marks of writers', () => {
  const header = (fields: Partial<HeaderReader>): HeaderReader => Object.assign(new HeaderReader(), { watermark: 0 }, fields);

  it('take each number once, from the first they see', () => {
    const marks: WriterMark[] = [];
    const reader = new WriterMarks('t/0', marks);
    expect([7, 8, 8, 7, 9].map((seq) => reader.accept(header({ seq })))).toEqual([true, true, false, false, true]);
    expect(marks).toMatchObject([{ writer: 0, seq: 9 }]);
  });
  it('see a lost tail', () => {
    const reader = new WriterMarks('t/0', []);
    reader.accept(header({ seq: 1 }));
    expect(() => reader.accept(header({ seq: 3 }))).toThrow(expect.objectContaining({ code: 'lost_tail' }));
    expect(() => reader.accept(header({ heartbeat: true, kind: 'watermark', seq: 2 }))).toThrow(expect.objectContaining({ code: 'lost_tail' }));
  });
  it('hear of idleness and ends, which the next record undoes', () => {
    const marks: WriterMark[] = [];
    const reader = new WriterMarks('t/0', marks);
    expect(reader.accept(header({ heartbeat: true, kind: 'idle', seq: 0, watermark: 4 }))).toBe(false);
    expect(reader.accept(header({ heartbeat: true, kind: 'end', seq: 0, watermark: 6 }))).toBe(false);
    expect(marks).toEqual([{ writer: 0, seq: 0, watermark: 6, idle: true, ended: true }]);
    reader.accept(header({ seq: 1, watermark: 5 }));
    expect(marks).toEqual([{ writer: 0, seq: 1, watermark: 6, idle: false, ended: false }]);
  });
});
