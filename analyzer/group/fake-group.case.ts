import { MillraceError } from '@millrace/runtime/errors.ts';
import { Arrivals } from '@millrace/transport/kafka/arrivals.ts';
import type { Membership } from '@millrace/transport/kafka/group/membership.ts';
import type { Transport } from '@millrace/transport/log.ts';
import type { MemoryTransport } from '@millrace/transport/memory.ts';
import type { Joining, Parts } from '@millrace/transport/parts.ts';

/** Test support: a group with one slot over a memory, whose owner is whoever has taken it last. The first member has the slot, until it goes. */
export class FakeGroup {
  /** who took the analyzer, in order */
  readonly taken: string[] = [];
  readonly #memory: MemoryTransport;
  #members: { readonly id: string; readonly membership: FakeMembership }[] = [];
  #generation = 0;
  #plan = '';

  constructor(memory: MemoryTransport) {
    this.#memory = memory;
  }

  /** What a process named `id` opens. */
  parts(id: string): Parts {
    const { log, ledger } = this.#memory;
    return {
      kind: 'kafka',
      log,
      ledger,
      join: async (joining) => this.#join(id, joining),
      part: async () => this.#part(id),
      close: async () => undefined,
    };
  }

  /** The group goes on without it; it does not know. */
  forget(id: string): void {
    this.#members = this.#members.filter((member) => member.id !== id);
    this.#spread();
  }

  /** The process has come back to the group, and hears its word. */
  remember(id: string, membership: Membership): void {
    this.#members.push({ id, membership: membership as FakeMembership });
    this.#spread();
  }

  membership(id: string): FakeMembership {
    return this.#members.find((member) => member.id === id)?.membership as FakeMembership;
  }

  #join(id: string, { slots, plan }: Joining): Membership {
    if (slots !== 1) throw new Error('the analyzer is one slot');
    if (this.#members.length > 0 && this.#plan !== plan) throw new MillraceError('plan_changed', 'another plan runs');
    this.#plan = plan;
    const membership = new FakeMembership(() => this.forget(id));
    this.#members.push({ id, membership });
    this.#spread();
    return membership;
  }

  #spread(): void {
    this.#generation++;
    for (const [i, { membership }] of this.#members.entries()) membership.told(i === 0 ? [0] : [], this.#generation, this.#members.length);
  }

  #part(id: string): Transport {
    const number = this.taken.push(id);
    const memory = this.#memory;
    const guard = (): void => {
      if (this.taken.length !== number) throw new MillraceError('fenced', `The analyzer has another owner than ${id}.`);
    };
    return {
      kind: 'kafka',
      log: memory.log,
      ledger: memory.ledger,
      // as a broker answers: later
      async commit(commit) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        guard();
        memory.commit(commit);
      },
      note(puts) {
        guard();
        memory.note(puts);
      },
      close: async () => undefined,
    };
  }
}

class FakeMembership implements Membership {
  assigned: readonly number[] = [];
  generation = -1;
  confirmed = true;
  members = 0;
  failure: MillraceError | null = null;
  named: readonly number[] = [];
  readonly #news = new Arrivals();
  readonly #leave: () => void;

  constructor(leave: () => void) {
    this.#leave = leave;
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
    this.named = [...slots];
  }

  offsets(): void {}

  async leave(): Promise<void> {
    this.#leave();
  }
}
