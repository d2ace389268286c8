import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { append } from './append.case.ts';
import { code, fill, type Medium, readAll, start, text } from './log.case.ts';
import type { Transport } from './log.ts';

/** What transports do besides where no broker stands between: all that was written can be read at once, in the batches that it was written in. */
export function exactLogCases(name: string, make: () => Medium): void {
  describe(`log at once: ${name}`, () => {
    let medium: Medium;
    let transport: Transport;
    beforeEach(async () => {
      medium = make();
      transport = await medium.open();
    });
    afterEach(async () => {
      await transport.close();
      medium.remove();
    });

    test('views stay within what was asked for', async () => {
      await fill(transport, 't', 1000, 100);
      const reader = transport.log.reader('t', 0, start);
      expect(reader.poll(1 << 20, 7)?.count).toBe(7);
      expect(reader.poll(1 << 20, 150)?.count).toBe(93);
      const view = reader.poll(2000);
      expect(view?.count).toBeGreaterThan(50);
      expect(view?.count).toBeLessThan(150);
      expect(readAll(transport.log.reader('t', 0, start), 100, 3).length).toBe(1000);
    });

    test('a note is in the ledger on return, unless it is refused by its fence', async () => {
      await transport.commit({ appenders: [], puts: [['owner', Buffer.from('me')]] });
      transport.note([
        ['x', Buffer.from('1')],
        ['owner', null],
      ]);
      expect([...transport.ledger.entries('')].map(([key, value]) => [key, String(Buffer.from(value))])).toEqual([['x', '1']]);
      expect(() => transport.note([['x', null]], { key: 'owner', value: Buffer.from('me') })).toThrow(code('fenced'));
      transport.note([['y', Buffer.from('2')]], { key: 'owner', value: null });
      expect([...transport.ledger.entries('')].map(([key]) => key)).toEqual(['x', 'y']);
      const other = await medium.open();
      expect(String(Buffer.from(other.ledger.get('y') as Uint8Array))).toBe('2');
      await other.close();
    });

    test('a reader begins anywhere, and goes anywhere', async () => {
      await fill(transport, 't', 250, 100);
      const reader = transport.log.reader('t', 0, { offset: 250 });
      for (let offset = 0; offset <= 250; offset++) {
        reader.seek({ offset });
        expect(reader.position).toEqual({ offset });
        const view = reader.poll(1, 1);
        expect(view === null ? 250 : view.offsets[0]).toBe(offset);
        if (offset % 50 === 0)
          expect(readAll(transport.log.reader('t', 0, { offset })).map((record) => record.offset)).toEqual(
            Array.from({ length: 250 - offset }, (_, n) => n + offset),
          );
      }
    });

    test('end, reached and limit', async () => {
      const out = await fill(transport, 't', 30, 10);
      const reader = transport.log.reader('t', 0, start);
      const end = reader.end();
      expect(end).toEqual({ offset: 30 });
      append(out, 0, text('more'));
      await out.flush();
      reader.limit({ offset: 25 });
      expect(reader.reached(end)).toBe(false);
      expect(readAll(reader).length).toBe(25);
      reader.limit(end);
      expect(readAll(reader).length).toBe(5);
      expect(reader.reached(end)).toBe(true);
      reader.limit(null);
      expect(readAll(reader).length).toBe(1);
    });

    test('truncateBefore drops whole batches, and readers below say so', async () => {
      const out = await fill(transport, 't', 100, 10);
      const reader = transport.log.reader('t', 0, { offset: 5 });
      await transport.log.truncateBefore('t', 0, 25);
      expect(await transport.log.startOffset('t', 0)).toBe(20);
      expect(() => reader.poll(100)).toThrow(code('records_gone'));
      expect(await reader.lookup(19)).toBeNull();
      expect(readAll(transport.log.reader('t', 0, { offset: 20 })).length).toBe(80);
      await transport.log.truncateBefore('t', 0, 30);
      expect(await transport.log.startOffset('t', 0)).toBe(30);
      await transport.log.truncateBefore('t', 0, 1e12);
      expect([await transport.log.startOffset('t', 0), await transport.log.endOffset('t', 0)]).toEqual([100, 100]);
      append(out, 0, text('next'));
      await out.flush();
      expect(readAll(transport.log.reader('t', 0, { offset: 100 })).map((record) => record.offset)).toEqual([100]);
      expect(() => transport.log.reader('t', 0, { offset: 102 }).poll(1)).toThrow(code('log_too_short'));
    });

    test('offset 0 is the beginning, wherever that is', async () => {
      const out = await fill(transport, 't', 100, 10);
      const reader = transport.log.reader('t', 0, start);
      const limited = transport.log.reader('t', 0, start);
      const idle = transport.log.reader('t', 0, start);
      limited.limit({ offset: 35 });
      await transport.log.truncateBefore('t', 0, 25);
      expect(readAll(reader).map((record) => record.offset)).toEqual(Array.from({ length: 80 }, (_, n) => n + 20));
      expect(readAll(limited, 1, 1).map((record) => record.offset)).toEqual(Array.from({ length: 15 }, (_, n) => n + 20));
      await transport.log.truncateBefore('t', 0, 100);
      expect(idle.poll(100)).toBeNull();
      expect(idle.reached({ offset: 100 })).toBe(true);
      reader.seek(start);
      append(out, 0, text('next'));
      await out.flush();
      for (const each of [reader, idle]) expect(readAll(each).map((record) => record.offset)).toEqual([100]);
    });

    test('a view stands while others read and write', async () => {
      const out = await fill(transport, 't', 100, 100);
      const view = transport.log.reader('t', 0, start).poll(1 << 20);
      for (let n = 0; n < 20; n++) append(out, 0, text(`later ${n}`));
      await out.flush();
      readAll(transport.log.reader('t', 0, { offset: 50 }));
      await transport.log.truncateBefore('t', 0, 100);
      expect(view?.count).toBe(100);
      for (let i = 0; i < 100; i++) expect(view?.buffer.toString('utf8', view.valueStart[i], view.valueEnd[i])).toBe(`value ${i}`);
    });

    test('wait ends with an append, also one made just before, or with its time', async () => {
      const out = await fill(transport, 't', 1, 1);
      const reader = transport.log.reader('t', 0, { offset: 1 });
      const since = transport.log.version();
      expect(reader.poll(100)).toBeNull();
      append(out, 0, text(1));
      await out.flush();
      await transport.log.wait(60_000, since);
      expect(readAll(reader).length).toBe(1);
      const later = transport.log.wait(60_000, transport.log.version());
      append(out, 0, text(2));
      await out.flush();
      await later;
      const idle = transport.log.version();
      await transport.log.wait(20, idle);
      expect(transport.log.version()).toBe(idle);
    });

    test('many small batches come as few views', async () => {
      await fill(transport, 't', 300, 1);
      const reader = transport.log.reader('t', 0, start);
      expect(reader.poll(1 << 20)?.count).toBe(300);
    });
  });
}
