import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { SqlType } from '@millrace/shared-schemas/types.ts';
import { Expiry } from './expiry.ts';
import type { StateWriter } from './operator.ts';
import type { Histories, History } from './rolling-history.ts';

/** records in a block: what is written again when one of them changes */
const BLOCK = 64;

/**
 * The keys of a rolling step, when they are forgotten, and how they are saved.
 *
 * State: `k<id>` due, number of the first record kept, key · `b<id>.<n>` records BLOCK·n and on: number of the first in it, then
 * each one's time and arguments. The running windows follow from these.
 */
export class RollingStore {
  readonly keys = new Map<string, History>();
  readonly expiry: Expiry<History>;
  nextId = 0;
  private readonly histories: Histories;
  private readonly types: readonly SqlType[];
  private dirty = new Set<History>();
  private gone: string[] = [];

  constructor(histories: Histories, types: readonly SqlType[]) {
    this.histories = histories;
    this.types = types;
    this.expiry = new Expiry(histories.keep);
  }

  /** The history of a key; a new one is due when a record of `time` alone would be. */
  open(text: string, time: number): History {
    let history = this.keys.get(text);
    if (history === undefined) {
      history = this.histories.open(this.nextId++, text, 0, 0);
      history.due = this.expiry.add(history, time + this.histories.keep);
      history.dirty = true;
      this.keys.set(text, history);
    }
    return history;
  }

  changed(history: History): void {
    this.dirty.add(history);
  }

  /** Looks at the keys that are due: forgets what is past, and the key when nothing is left. */
  expire(at: number): void {
    for (const history of this.expiry.take(at)) {
      this.histories.forget(history, at);
      const { times } = history;
      if (history.head < times.length) {
        history.due = this.expiry.add(history, times[times.length - 1] + this.histories.keep);
        history.dirty = true;
        this.dirty.add(history);
      } else {
        this.keys.delete(history.text);
        this.dirty.delete(history);
        this.histories.close(history);
        this.gone.push(`k${history.id}`);
        for (let block = history.savedFrom; block < history.savedTo; block++) this.gone.push(`b${history.id}.${block}`);
      }
    }
  }

  snapshot(writer: StateWriter, bytes: ByteWriter, all: boolean): void {
    for (const entry of this.gone) writer.delete(entry);
    this.gone = [];
    for (const history of all ? this.keys.values() : this.dirty) {
      const first = history.base + history.head;
      if (all || history.dirty) {
        bytes.f64(history.due);
        bytes.varint(first);
        bytes.text(history.text);
        writer.put(`k${history.id}`, bytes.finish());
        history.dirty = false;
      }
      this.saveBlocks(writer, bytes, history, all ? first : Math.max(first, history.dirtyFrom));
      history.dirtyFrom = Number.POSITIVE_INFINITY;
    }
    this.dirty = new Set();
  }

  private saveBlocks(writer: StateWriter, bytes: ByteWriter, history: History, from: number): void {
    const { base, times, columns } = history;
    const first = base + history.head;
    const end = base + times.length;
    const firstBlock = Math.floor(first / BLOCK);
    const endBlock = Math.ceil(end / BLOCK);
    for (let block = history.savedFrom; block < Math.min(firstBlock, history.savedTo); block++) writer.delete(`b${history.id}.${block}`);
    for (let block = Math.floor(from / BLOCK); block < endBlock; block++) {
      const start = Math.max(first, block * BLOCK);
      bytes.varint(start);
      for (let i = start - base; i < Math.min(end, (block + 1) * BLOCK) - base; i++) {
        bytes.f64(times[i]);
        for (let c = 0; c < columns.length; c++) bytes.value(this.types[c], columns[c][i]);
      }
      writer.put(`b${history.id}.${block}`, bytes.finish());
    }
    history.savedFrom = firstBlock;
    history.savedTo = endBlock;
  }

  /** Takes back a snapshot's entries `k…` and `b…`. */
  restore(entries: readonly (readonly [key: string, value: Uint8Array])[]): void {
    const blocks = new Map<number, [block: number, value: Uint8Array][]>();
    for (const [entry, value] of entries) {
      if (!entry.startsWith('b')) continue;
      const [id, block] = entry.slice(1).split('.').map(Number);
      const had = blocks.get(id);
      if (had === undefined) blocks.set(id, [[block, value]]);
      else had.push([block, value]);
    }
    const bytes = new ByteReader();
    for (const [entry, value] of entries) {
      if (!entry.startsWith('k')) continue;
      bytes.start(value);
      const id = Number(entry.slice(1));
      const due = bytes.f64();
      const first = bytes.varint();
      const history = this.histories.open(id, bytes.text(), first, due);
      this.keys.set(history.text, history);
      this.expiry.put(history, due);
      const own = (blocks.get(id) ?? []).sort(([a], [b]) => a - b);
      for (const [, block] of own) this.loadBlock(history, bytes, block, first);
      history.savedFrom = own.length > 0 ? own[0][0] : 0;
      history.savedTo = own.length > 0 ? own[own.length - 1][0] + 1 : 0;
      this.histories.settle(history);
    }
  }

  private loadBlock(history: History, bytes: ByteReader, block: Uint8Array, first: number): void {
    bytes.start(block);
    for (let number = bytes.varint(); !bytes.done; number++) {
      const time = bytes.f64();
      const values = this.types.map((type) => bytes.value(type));
      // what a later cut has forgotten may still lie in an older block
      if (number >= first) this.histories.load(history, time, values);
    }
  }
}
