import type { MillraceError } from '@millrace/runtime/errors.ts';
import { Arrivals } from '../arrivals.ts';
import type { Membership } from './membership.ts';

/** Test support: a member of a group that stands in memory, which tells it what it is assigned. */
export class FakeMembership implements Membership {
  assigned: readonly number[] = [];
  generation = -1;
  confirmed = true;
  members = 0;
  failure: MillraceError | null = null;
  /** the slots it has named last */
  named: readonly number[] = [];
  readonly #news = new Arrivals();
  readonly #leave: () => void;
  readonly #gaveUp: () => void;

  /** `gaveUp`: called when it has given up what is assigned to it no more */
  constructor(leave: () => void, gaveUp: () => void = () => undefined) {
    this.#leave = leave;
    this.#gaveUp = gaveUp;
  }

  told(assigned: readonly number[], generation: number, members: number): void {
    this.assigned = assigned;
    this.generation = generation;
    this.members = members;
    this.#news.notify();
  }

  async changed(ms: number): Promise<void> {
    await this.#news.wait(ms);
    if (this.failure !== null) throw this.failure;
  }

  owns(slots: readonly number[]): void {
    // what is assigned stays claimed
    const gaveUp = this.named.some((slot) => !slots.includes(slot) && !this.assigned.includes(slot));
    this.named = [...slots];
    if (gaveUp) setTimeout(this.#gaveUp, 1);
  }

  offsets(): void {}

  async leave(): Promise<void> {
    this.#leave();
  }
}
