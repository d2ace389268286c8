import { encodeHeader, encodeHeartbeat, headerBlock, MAX_HEADER } from '@millrace/shared-schemas/header.ts';
import type { BatchView } from '@millrace/transport/log.ts';
import { openMemory } from '@millrace/transport/memory.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plainStyle } from '../output/color.ts';
import { RecordPrinter } from './record-printer.ts';
import { jsonField, textField } from './text.ts';

const transport = openMemory();
let topics = 0;
let batch: BatchView | null = null;
beforeEach(() => {
  batch = null;
});
afterEach(() => batch?.release());

type Sent = { key?: string | Buffer; value?: string | Buffer; headers?: Buffer };

/** One batch as a reader gives it. */
async function read(...records: Sent[]): Promise<BatchView> {
  const topic = `t${topics++}`;
  await transport.log.ensure(topic, 1);
  const out = transport.log.appender(topic);
  for (const { key, value, headers } of records) {
    const keyBytes = Buffer.from(key ?? '');
    const keyEnd = key === undefined ? -1 : keyBytes.length;
    if (value === undefined) {
      out.null(0, 1000, keyBytes, 0, keyEnd, headers, 0, headers?.length);
      continue;
    }
    const bytes = Buffer.from(value);
    let pos = out.begin(0, 1000, keyBytes, 0, keyEnd);
    while (out.buffer.length - pos < bytes.length) pos = out.grow();
    bytes.copy(out.buffer, pos);
    out.end(pos + bytes.length, headers, 0, headers?.length);
  }
  await out.flush();
  batch = transport.log.reader(topic, 0, { offset: 0 }).poll(1 << 20);
  return batch as BatchView;
}

const own = (): Buffer => {
  const buffer = Buffer.alloc(MAX_HEADER);
  return buffer.subarray(0, encodeHeader(1, 2, 3, 3, 4, 5, 6, buffer, 0));
};
const heartbeat = (): Buffer => {
  const buffer = Buffer.alloc(MAX_HEADER);
  return buffer.subarray(0, encodeHeartbeat({ kind: 'watermark', writer: 1, seq: 2, watermark: 3, run: 0 }, buffer, 0));
};
const printer = (options: { headers?: boolean; internal?: boolean } = {}) =>
  new RecordPrinter({ headers: false, internal: false, value: jsonField, ...options });

test('a heartbeat is hidden, a tombstone is not', async () => {
  const view = await read({ headers: heartbeat() }, { key: 'k', headers: own() }, {});
  expect([0, 1, 2].map((i) => printer().json(view, i))).toEqual([
    null,
    '{"partition":0,"offset":1,"key":"k","value":null}',
    '{"partition":0,"offset":2,"key":null,"value":null}',
  ]);
  expect(printer({ internal: true }).json(view, 0)).toBe('{"partition":0,"offset":0,"key":null,"value":null}');
});

test('headers are strings, binary ones base64 under another name; our own is always binary', async () => {
  const headers = headerBlock(
    [
      ['error.code', Buffer.from('late')],
      ['raw', Buffer.from([0xff])],
      ['none', null],
    ],
    own(),
  );
  const view = await read({ value: '{}', headers });
  const line = printer({ headers: true }).json(view, 0) as string;
  expect(JSON.parse(line).headers).toEqual({ m_base64: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/), 'error.code': 'late', raw_base64: '/w==', none: null });
});

test('JSON keeps its digits and its __proto__, on one line; what is no JSON is text, what is no text is base64', async () => {
  const view = await read(
    { key: Buffer.from([0xfe]), value: '{"__proto__": 1,\n "n": 1.10e400, "l": 12345678901234567890}' },
    { value: '{"n": NaN}' },
    { value: Buffer.from([0xc3, 0x28]) },
  );
  expect([0, 1, 2].map((i) => printer().json(view, i))).toEqual([
    '{"partition":0,"offset":0,"key_base64":"/g==","value":{"__proto__": 1,  "n": 1.10e400, "l": 12345678901234567890}}',
    '{"partition":0,"offset":1,"key":null,"value":"{\\"n\\": NaN}"}',
    '{"partition":0,"offset":2,"key":null,"value_base64":"wyg="}',
  ]);
});

test('for people: bare text, no control characters, a line a header without our own', async () => {
  const headers = headerBlock([['error.message', Buffer.from('two\nlines')]], own());
  const view = await read({ key: 'a', value: 'x\u001b[2Jy "quoted"', headers });
  const text = new RecordPrinter({ headers: true, internal: false, value: textField }).human(view, 0, plainStyle);
  expect(text).toBe('0:0  a  x␛[2Jy "quoted"\n  error.message: two␊lines');
});
