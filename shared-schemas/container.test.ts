import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { avroDecoder, parseSchema } from './avro.ts';
import { containerBlocks, containerHead } from './container.ts';
import { rowOf } from './testing.ts';

const file = (codec: string): Buffer => readFileSync(new URL(`vectors/container-${codec}.avro`, import.meta.url));
const schema = parseSchema({
  type: 'record',
  name: 'Line',
  fields: [
    { name: 'n', type: 'double' },
    { name: 'extra', type: 'string', default: 'none' },
  ],
});

test.each(['null', 'deflate'])('reads what fastavro wrote, codec %s, under another schema', (codec) => {
  const bytes = file(codec);
  const head = containerHead(bytes);
  if (head === null) throw new Error('no head');
  expect(head.codec).toBe(codec);
  const decode = avroDecoder(schema, { n: 'n', extra: 'e' }, { framing: 'none', writtenWith: head.schema });
  const read = containerBlocks(head);
  const rows: unknown[] = [];
  let blocks = 0;
  for (let block = read(bytes, head.end); block !== null; block = read(bytes, block.next), blocks++) {
    let start = 0;
    for (const end of block.ends) {
      const row = rowOf({ n: null, e: null });
      expect(decode(row, block.data, start, end)).toBeUndefined();
      rows.push({ ...row });
      start = end;
    }
    expect(start).toBe(block.data.length);
  }
  expect(blocks).toBeGreaterThan(1);
  expect(rows).toStrictEqual(Array.from({ length: 100 }, (_, n) => ({ n, e: 'none' })));
});

test('a file still growing gives what is whole; a damaged one says so', () => {
  const bytes = file('null');
  const head = containerHead(bytes);
  if (head === null) throw new Error('no head');
  for (let cut = 0; cut < head.end; cut++) expect(containerHead(bytes.subarray(0, cut))).toBeNull();
  const read = containerBlocks(head);
  const first = read(bytes, head.end);
  for (let cut = head.end; cut < (first?.next ?? 0); cut++) expect(read(bytes.subarray(0, cut), head.end)).toBeNull();
  const broken = Buffer.from(bytes);
  broken[(first?.next ?? 0) - 1] ^= 1;
  expect(() => read(broken, head.end)).toThrow(expect.objectContaining({ code: 'source_unreadable' }));
  expect(() => containerHead(Buffer.from('{"a":1}'))).toThrow('no Avro object container');
  const packed = file('deflate');
  const other = containerHead(packed);
  if (other === null) throw new Error('no head');
  packed[other.end + 5] ^= 0xff;
  expect(() => containerBlocks(other)(packed, other.end)).toThrow(expect.objectContaining({ code: 'source_unreadable' }));
});

test('a schema that the records cannot be read with is refused', () => {
  const strict = parseSchema({ type: 'record', name: 'Line', fields: [{ name: 'missing', type: 'int' }] });
  expect(() => avroDecoder(strict, {}, { framing: 'none', writtenWith: containerHead(file('null'))?.schema })).toThrow(
    expect.objectContaining({ code: 'schema_incompatible' }),
  );
});
