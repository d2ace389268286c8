import { CODE } from '../fast/codes.ts';
import { commitOffsets, type Member } from '../fast/group-requests.ts';
import type { Coordinator } from './coordinator.ts';
import type { Positions } from './messages.ts';

/** ms between two commits */
const EVERY = 1_000;

/** Errors after which the same offsets may be taken a little later. */
const PASSING: ReadonlySet<number> = new Set([
  CODE.coordinatorLoading,
  CODE.coordinatorNotAvailable,
  CODE.notCoordinator,
  CODE.illegalGeneration,
  CODE.unknownMember,
  CODE.rebalanceInProgress,
]);

/** Offsets on their way to the group: newest of each partition, for tools that show lag. */
export class PositionsKept {
  #waiting = new Map<string, Map<number, number>>();
  #notBefore = 0;

  add(positions: Positions): void {
    for (const [topic, offsets] of positions) {
      const mine = this.#waiting.get(topic);
      if (mine === undefined) this.#waiting.set(topic, new Map(offsets));
      else for (const [partition, offset] of offsets) mine.set(partition, offset);
    }
  }

  get dueAt(): number {
    return this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : this.#notBefore;
  }

  due(now: number): boolean {
    return now >= this.dueAt;
  }

  /** Commits what waits. A broker's refusal is no matter. @throws Transient when the connection fails: it waits on */
  async commit(coordinator: Coordinator, member: Member, now: number, ms: number): Promise<void> {
    const sent = this.#waiting;
    if (sent.size === 0) return;
    this.#waiting = new Map();
    this.#notBefore = now + EVERY;
    let error: number | null = null;
    try {
      error = await coordinator.ask(commitOffsets(member, sent), ms);
    } finally {
      if (error === null || PASSING.has(error)) {
        const newer = this.#waiting;
        this.#waiting = sent;
        this.add(newer);
      }
    }
  }
}
