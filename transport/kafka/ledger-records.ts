import type { BatchAppender } from '../batchappender.ts';
import type { BatchView } from '../log.ts';
import { behind, readVarint, writeVarint } from '../varint.ts';

/**
 * How the ledger stands in its topic: one record a key, value null where it is deleted. A value too long for a record goes on in records right
 * behind it, whose keys are the first one's with a NUL and a number.
 * A record's header `s` holds who wrote it and in how many parts, so that a writer knows its own again.
 */
const PART = 768 * 1024;
const NUL = '\0';
const NAME = 's'.charCodeAt(0);

const partsOf = (length: number) => Math.max(1, Math.ceil(length / PART));
const partKey = (key: string, part: number) => Buffer.from(part === 0 ? key : `${key}${NUL}${part}`);

/** The partition of a key: those of task n (`p/<pipeline>/t/<stage>.<n>/…`) share one, so that a task can be read back by itself. */
export function partitionOf(key: string, partitions: number): number {
  const task = /^p\/[^/]*\/t\/[^/]*\.(\d+)\//.exec(key);
  return task === null ? 0 : Number(task[1]) % partitions;
}

let header: { readonly session: string; readonly parts: number; readonly block: Buffer } = { session: '', parts: -1, block: Buffer.alloc(0) };

/** The header block of a record: session, and parts of the value. Most are as the one before. */
function headerOf(session: string, parts: number): Buffer {
  if (header.session !== session || header.parts !== parts) header = { session, parts, block: headerBlock(session, parts) };
  return header.block;
}

function headerBlock(session: string, parts: number): Buffer {
  const block = Buffer.alloc(session.length + 24);
  const value = Buffer.from(`${session}/${parts}`);
  let pos = writeVarint(block, 0, 1);
  pos = writeVarint(block, pos, 1);
  block[pos++] = NAME;
  pos = writeVarint(block, pos, value.length);
  pos += value.copy(block, pos);
  return block.subarray(0, pos);
}

/** Appends the records that make `key` be `value`. `old` is the length of the value that it has, for the parts that go. */
export function appendEntry(out: BatchAppender, session: string, timestamp: number, key: string, value: Uint8Array | null, old: number): void {
  const partition = partitionOf(key, out.partitions);
  const parts = value === null ? 0 : partsOf(value.length);
  const header = headerOf(session, parts);
  for (let part = 0; part < Math.max(parts, partsOf(old)); part++) {
    const name = partKey(key, part);
    if (value === null || part >= parts) {
      out.null(partition, timestamp, name, 0, name.length, header, 0, header.length);
      continue;
    }
    const bytes = value.subarray(part * PART, (part + 1) * PART);
    let pos = out.begin(partition, timestamp, name, 0, name.length);
    while (out.buffer.length - pos < bytes.length) pos = out.grow();
    out.buffer.set(bytes, pos);
    out.end(pos + bytes.length, header, 0, header.length);
  }
}

const nobody: ReadonlySet<string> = new Set();
/** a copy */
const valueIn = (view: BatchView, n: number): Buffer => Buffer.from(view.buffer.subarray(view.valueStart[n], view.valueEnd[n]));

/** A value being put together. */
interface Beginning {
  readonly key: string;
  readonly parts: Buffer[];
  missing: number;
}

/** Puts the records of one partition together again. Those of several writers may lie between each other. */
export class EntryReader {
  readonly #begun = new Map<string, Beginning>();

  /** Whether a value was begun and its end has not come. */
  get open(): boolean {
    return this.#begun.size > 0;
  }

  /** Calls `take` with each entry that is complete and not of one of the sessions `own`. A value whose parts are not all there counts as deleted: compaction left some of it, and the newer one follows. */
  read(view: BatchView, take: (key: string, value: Uint8Array | null, session: string) => void, own: ReadonlySet<string> = nobody): void {
    for (let n = 0; n < view.count; n++) {
      const name = view.buffer.toString('utf8', view.keyStart[n], view.keyEnd[n]);
      const none = (view.valueEnd[n] as number) < 0;
      const [session, parts] = sessionOf(view, n);
      const nul = name.indexOf(NUL);
      if (nul > 0) {
        const begun = this.#begun.get(session);
        // a part whose beginning compaction has taken: a newer value follows
        if (begun === undefined || none || name !== `${begun.key}${NUL}${begun.parts.length}`) continue;
        begun.parts.push(valueIn(view, n));
        if (--begun.missing > 0) continue;
        this.#begun.delete(session);
        if (!own.has(session)) take(begun.key, Buffer.concat(begun.parts), session);
        continue;
      }
      // what is written of a key, or by its writer, ends what was begun
      for (const [of, { key }] of this.#begun) {
        if (of !== session && key !== name) continue;
        this.#begun.delete(of);
        if (key !== name && !own.has(of)) take(key, null, of);
      }
      if (!none && parts > 1) this.#begun.set(session, { key: name, parts: [valueIn(view, n)], missing: parts - 1 });
      else if (!own.has(session)) take(name, none ? null : valueIn(view, n), session);
    }
  }
}

/** Who wrote a record, and in how many parts its value is; '' and 1 for a record without the header. */
function sessionOf(view: BatchView, n: number): [session: string, parts: number] {
  const end = view.headersEnd[n] as number;
  if (end < 0) return ['', 1];
  readVarint(view.buffer, view.headersStart[n] as number);
  const nameLength = readVarint(view.buffer, behind);
  if (nameLength !== 1 || view.buffer[behind] !== NAME) return ['', 1];
  const length = readVarint(view.buffer, behind + 1);
  const text = view.buffer.toString('latin1', behind, behind + length);
  const slash = text.lastIndexOf('/');
  return [text.slice(0, slash), Number(text.slice(slash + 1))];
}
