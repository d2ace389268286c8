import { MillraceError } from '@millrace/runtime/errors.ts';
import { openGuarded } from '@millrace/transport/guarded.case.ts';
import { assign } from '@millrace/transport/kafka/group/assign.ts';
import { FakeMembership } from '@millrace/transport/kafka/group/fake-membership.case.ts';
import type { Membership } from '@millrace/transport/kafka/group/membership.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { openAlone } from '@millrace/transport/owner.case.ts';
import type { Joining, Parts } from '@millrace/transport/parts.ts';

interface Member {
  readonly id: string;
  readonly membership: FakeMembership;
  readonly plan: string;
}

/** Test support: a cluster in memory with slots that fence, and the group's own rule of who has which. */
export class FakeCluster {
  readonly memory: MemoryTransport = openMemory();
  /** how often a slot was fenced, by slot */
  readonly fences: number[] = [];
  /** the id by which whoever fences next is known, and who it refuses */
  signer = 1;
  /** by slot: how often it was taken over */
  readonly owners: number[] = [];
  /** 'slot taken by member' in order */
  readonly taken: string[] = [];
  #members: Member[] = [];
  #generation = 0;
  #slots = 0;
  readonly #immediate: boolean;

  /** `immediate`: records leave without a commit */
  constructor(immediate = false) {
    this.#immediate = immediate;
  }

  /** What a process named `id` opens. `kill` makes it fail as if its machine had gone: nothing of it is committed any more. */
  process(id: string): { readonly parts: Parts; kill(): void } {
    const state = { dead: false };
    const { memory } = this;
    const parts: Parts = {
      kind: 'kafka',
      log: memory.log,
      ledger: memory.ledger,
      join: async (joining) => this.#join(id, joining, state),
      part: async (slot) => this.#part(id, slot ?? 0, state),
      close: async () => undefined,
    };
    const kill = (): void => {
      state.dead = true;
      this.#leave(id);
    };
    return { parts, kill };
  }

  #part(id: string, slot: number, state: { readonly dead: boolean }): Transport {
    const owner = (this.owners[slot] ?? 0) + 1;
    this.owners[slot] = owner;
    this.taken.push(`${slot} ${id}`);
    const { memory } = this;
    const guard = (): void => {
      if (state.dead) throw new Error('killed');
      if (this.owners[slot] !== owner) throw new MillraceError('fenced', `Slot ${slot} has another owner.`);
    };
    if (this.#immediate) {
      const step = (): number => {
        guard();
        return 1;
      };
      const alone = openAlone(memory, step, 'kafka');
      const fence = async () => {
        guard();
        this.fences[slot] = (this.fences[slot] ?? 0) + 1;
        return { id: this.signer, refused: this.signer };
      };
      const { log, ledger, immediate } = alone;
      const send: NonNullable<Transport['immediate']>['send'] = (what) => (immediate as NonNullable<Transport['immediate']>).send(what);
      return {
        kind: 'kafka',
        log,
        ledger,
        commit: (commit) => alone.commit(commit),
        note: (puts) => alone.note(puts),
        immediate: { fence, send },
        close: async () => undefined,
      };
    }
    return openGuarded(memory, guard);
  }

  #join(id: string, { slots, plan }: Joining, state: { readonly dead: boolean }): Membership {
    if (state.dead) throw new Error('killed');
    this.#slots = slots;
    if (this.#members.some((other) => other.plan !== plan)) throw new MillraceError('plan_changed', 'another plan runs');
    const membership = new FakeMembership(
      () => this.#leave(id),
      () => {
        if (!state.dead) this.rebalance();
      },
    );
    this.#members.push({ id, membership, plan });
    this.rebalance();
    return membership;
  }

  #leave(id: string): void {
    this.#members = this.#members.filter((member) => member.id !== id);
    this.rebalance();
  }

  /** Whether the group is heard by a member: one that stood still does not know yet that it is no member any more. */
  hears(id: string, confirmed: boolean): void {
    for (const member of this.#members) if (member.id === id) member.membership.confirmed = confirmed;
  }

  /** one generation more */
  rebalance(): void {
    this.#generation++;
    const claims = this.#members.map(({ id, membership: { generation, named, assigned } }) => ({
      id,
      generation,
      owned: named.filter((slot) => assigned.includes(slot)),
      closing: named.filter((slot) => !assigned.includes(slot)),
    }));
    const given = assign(claims, this.#slots);
    for (const { id, membership } of this.#members) membership.told(given.get(id) ?? [], this.#generation, this.#members.length);
  }
}
