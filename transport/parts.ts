import type { Membership } from './kafka/group/membership.ts';
import type { Transport } from './log.ts';

/** What a process brings to the group that hands out the parts. */
export interface Joining {
  /** the consumer group, such as `shop.preprocess` */
  readonly group: string;
  /** parts 0 … slots − 1: task n of every stage is part n; 1 where all of it is one process' at a time */
  readonly slots: number;
  /** source topic → partitions; empty where parts are none of theirs */
  readonly topics: ReadonlyMap<string, number>;
  /** what all members must agree on: one with another plan is refused (`plan_changed`) while one lives */
  readonly plan: string;
  /** a name that this process keeps over restarts; null: one made of machine and data directory */
  readonly instance: string | null;
  readonly onEvent: (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;
}

/** The log and ledger of a pipeline that several processes share: each owns parts of it, a part has one owner at a time. Only Kafka has that. */
export interface Parts extends Pick<Transport, 'kind' | 'log' | 'ledger' | 'close'> {
  /** Takes part: from then on the group tells which parts are this process's. What it tells is no fence; `part` is. */
  join(joining: Joining): Promise<Membership>;
  /**
   * Takes over a part: whoever had it is fenced, and what that one had committed is in the ledger when this resolves. The transport shares log and ledger; it
   * commits under an owner of its own, keys of its own tasks only (and those of the whole pipeline under part 0), and closing it closes nothing else.
   * null: all of what is one process' at a time, under an owner with the host's own name.
   */
  part(slot: number | null): Promise<Transport>;
}
