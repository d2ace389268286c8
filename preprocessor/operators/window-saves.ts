import type { ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import type { Slices } from './gradual.ts';
import type { StateWriter } from './operator.ts';
import type { WindowKey } from './window-key.ts';

/** How the keys and panes of a window step are saved: told of every change, it writes what has changed since the last time. */
export interface WindowSaves {
  /** A key, or what a pane of it holds (−1: none of them), is about to change: before all that follows. */
  changing(key: WindowKey, cell: number): void;
  /** a key has an id, new or restored */
  began(key: WindowKey): void;
  /** windows of a key have been fired by an end of the input */
  changedKey(key: WindowKey): void;
  addedPane(key: WindowKey, start: number, cell: number): void;
  changedPane(key: WindowKey, cell: number): void;
  leftPane(key: WindowKey, start: number, cell: number): void;
  /** a key, left without panes, is about to lose its id */
  rests(key: WindowKey): void;
  /** whether there has been any change since the last `save` */
  readonly changed: boolean;
  save(writer: StateWriter, bytes: ByteWriter): Slices;
  /** Writes all of these keys. What `save` will write stays as it is. */
  saveAll(writer: StateWriter, bytes: ByteWriter, keys: Iterable<WindowKey>): void;
  /** The store holds what was saved: `keys`. `byPane`: the entries among it that are of one key or one pane. */
  restored(keys: Iterable<WindowKey>, byPane: readonly string[]): void;
}
