import type { Clock } from '@millrace/runtime/clock.ts';

/** A moment by both clocks: the wall's goes on where a machine sleeps, the other one where somebody sets it back. */
export interface Moment {
  /** monotonic ms */
  readonly ticks: number;
  /** epoch ms */
  readonly wall: number;
}

export const momentOf = (clock: Clock): Moment => ({ ticks: clock.monotonic(), wall: clock.now() });

/** Whether the group can have gone on without its member: it does after a session in which it has heard nothing. */
export class LastHeard {
  readonly #clock: Clock;
  readonly #session: number;
  #at: Moment | null = null;

  /** `session`: ms */
  constructor(clock: Clock, session: number) {
    this.#clock = clock;
    this.#session = session;
  }

  /** `at`: when the member asked what the group has answered well; null: the group has gone on without it */
  heard(at: Moment | null): void {
    this.#at = at;
  }

  /** whether the group still has the member, as far as can be known here */
  get member(): boolean {
    if (this.#at === null) return false;
    const { ticks, wall } = momentOf(this.#clock);
    return Math.max(ticks - this.#at.ticks, wall - this.#at.wall) < this.#session;
  }
}
