import type { Value } from '@millrace/shared-schemas/types.ts';
import type { PaneRun, Panes } from './pane-run.ts';

/** One key: with open panes, or resting. */
export interface WindowKey extends Panes {
  /** what it is saved under */
  id: number;
  readonly text: string;
  /** of the key among the task's */
  readonly number: number;
  starts: number[];
  cells: number[];
  /** of the key columns */
  readonly values: readonly Value[];
  /** runs of starts of windows that an end of the input has fired, as [first, last] pairs, ascending */
  readonly fired: number[];
  /** how many of its panes are in the window that fired last; kept by `ActiveKeys`, not saved */
  active: number;
  listed: boolean;
  /** not saved */
  run: PaneRun | null;
  /** of `WindowEntries`: it has changed, is on the list of changed keys, may be held by a snapshot */
  dirty: boolean;
  listedDirty: boolean;
  saved: boolean;
  /** of `WindowGroups`: null while it rests */
  group: WindowGroup | null;
}

/** Keys with ids that follow each other, which are saved together. */
export interface WindowGroup {
  readonly number: number;
  /** by id; one that has another id by now, or none, has left */
  readonly keys: (WindowKey | undefined)[];
  /** how many have not left */
  live: number;
  /** a snapshot may hold it */
  saved: boolean;
}
