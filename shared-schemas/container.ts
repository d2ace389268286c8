import { inflateRawSync } from 'node:zlib';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type ParsedSchema, parseSchema, recordEnds } from './avro.ts';
import { BadRecord } from './codec/bad.ts';
import { Source } from './codec/source.ts';

/** What the head of an Avro object container file says. */
export interface Container {
  /** the records' schema; `avroDecoder`'s `writtenWith` */
  readonly schema: ParsedSchema;
  readonly codec: 'null' | 'deflate';
  /** 16 bytes that stand behind each block */
  readonly sync: Uint8Array;
  /** where the first block begins */
  readonly end: number;
}

/** Records of one block, in a buffer of their own: record i is [ends[i − 1] or 0, ends[i]). */
export interface ContainerBlock {
  readonly data: Buffer;
  readonly ends: readonly number[];
  /** where the next block begins in the file */
  readonly next: number;
}

/** a block that inflates to more is taken to be damaged */
const MOST_INFLATED = 2 ** 28;
const MAGIC = Buffer.from('Obj\x01');

/** Reads the head from a file's first bytes; null when there are too few. Throws `MillraceError` source_unreadable for another kind of file. */
export function containerHead(buffer: Buffer): Container | null {
  if (buffer.length < MAGIC.length) return null;
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('it is no Avro object container');
  const source = new Source();
  source.start(buffer, MAGIC.length, buffer.length);
  const meta = new Map<string, Uint8Array>();
  let sync: Uint8Array;
  try {
    for (let count = source.count(); count !== 0; count = source.count()) {
      if (count < 0) source.count();
      for (let left = Math.abs(count); left > 0; left--) {
        const name = source.string();
        meta.set(name, source.bytes());
      }
    }
    sync = source.raw(16);
  } catch (error) {
    return tooFew(error);
  }
  const text = (name: string): string | undefined => (meta.has(name) ? Buffer.from(meta.get(name) as Uint8Array).toString() : undefined);
  const codec = text('avro.codec') ?? 'null';
  if (codec !== 'null' && codec !== 'deflate') throw damaged(`its blocks are compressed with ${codec}; null and deflate can be read`);
  return { schema: parseSchema(schemaOf(text('avro.schema'))), codec, sync, end: source.pos };
}

function schemaOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    throw damaged('its head holds no schema');
  }
}

/** Gives a reader of blocks: from a position in the file's bytes, null when the block is not all there. Throws `MillraceError` source_unreadable for a damaged one. */
export function containerBlocks(container: Container): (buffer: Buffer, pos: number) => ContainerBlock | null {
  const source = new Source();
  const ends = recordEnds(container.schema);
  return (buffer, pos) => {
    if (pos >= buffer.length) return null;
    source.start(buffer, pos, buffer.length);
    let count: number;
    let packed: Uint8Array;
    let sync: Uint8Array;
    try {
      count = source.count();
      packed = source.bytes();
      sync = source.raw(16);
    } catch (error) {
      return tooFew(error);
    }
    if (!Buffer.from(sync).equals(container.sync)) throw damaged("the block does not end in the file's marker");
    try {
      const data = container.codec === 'null' ? Buffer.from(packed.buffer) : inflateRawSync(packed, { maxOutputLength: MOST_INFLATED });
      if (count < 0 || count > data.length + 1) throw new BadRecord('undecodable', `${count} records in ${data.length} bytes`);
      return { data, ends: ends(data, 0, data.length, count), next: source.pos };
    } catch (error) {
      throw damaged(`the block cannot be read: ${(error as Error).message}`);
    }
  };
}

function tooFew(error: unknown): null {
  if (error instanceof BadRecord) return null;
  throw error;
}

function damaged(what: string): MillraceError {
  return new MillraceError('source_unreadable', what);
}
