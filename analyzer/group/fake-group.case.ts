import { MillraceError } from '@millrace/runtime/errors.ts';
import { openGuarded } from '@millrace/transport/guarded.case.ts';
import { FakeMembership } from '@millrace/transport/kafka/group/fake-membership.case.ts';
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
    return openGuarded(this.#memory, () => {
      if (this.taken.length !== number) throw new MillraceError('fenced', `The analyzer has another owner than ${id}.`);
    });
  }
}
