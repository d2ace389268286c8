import type { Clock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { Cluster } from '../fast/cluster.ts';
import { CODE, refusal, Transient } from '../fast/codes.ts';
import { heartbeat, type Joined, joinGroup, leaveGroup, type Member, type Protocol, syncGroup } from '../fast/group-requests.ts';
import { assign, type Claim } from './assign.ts';
import { type Assignment, decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, type Subscription } from './consumer-protocol.ts';
import { Coordinator } from './coordinator.ts';
import { type Moment, momentOf } from './last-heard.ts';
import type { FromMember, MemberSetup, Positions } from './messages.ts';
import { Outage } from './outage.ts';
import { PositionsKept } from './positions-kept.ts';

/** ms. Others hear of a new generation with their next heartbeat: so moves take about that */
const HEARTBEAT = 500;
const ANSWER_WITHIN = 5_000;
const LEAVE_WITHIN = 2_000;
/** ms beyond what the broker itself waits for others */
const SLACK = 5_000;

const otherPlan = (about: string): Transient =>
  new Transient(`Other processes are in ${about} with another version of the pipeline file.`, false, 'plan_changed');

/** One member of the group: joins, keeps joined, and says what the group says. Runs in a thread of its own (`worker.ts`). */
export class GroupMember {
  readonly #setup: MemberSetup;
  readonly #tell: (message: FromMember) => void;
  readonly #clock: Clock;
  readonly #protocol: Protocol;
  readonly #cluster: Cluster;
  readonly #coordinator: Coordinator;
  readonly #outage: Outage;
  readonly #kept = new PositionsKept();
  #id = '';
  #generation = -1;
  #joined = false;
  #rejoin = true;
  #recounted = false;
  #leaving = false;
  #beatAt = 0;
  #version = 0;
  #assignment: Assignment = { assigned: [], withdrawn: [], slots: 0, members: 0 };
  /** slots that the owner works on, or may be about to open */
  #held = new Set<number>();
  #wake: () => void = () => {};

  constructor(setup: MemberSetup, tell: (message: FromMember) => void, clock: Clock) {
    this.#setup = setup;
    this.#tell = tell;
    this.#clock = clock;
    const { settings, clientId, patience, session, plan } = setup;
    // the type is what Kafka's tools know; who has not the same name is refused by the broker: another consumer, or another plan
    this.#protocol = { type: 'consumer', name: `millrace-slots-${plan}` };
    this.#cluster = new Cluster({ ...settings, clientId, patience, prefetch: 0, arrived: () => {} });
    this.#coordinator = new Coordinator(this.#cluster, setup, session + 2 * SLACK);
    this.#outage = new Outage(clock, setup.group, (event) => tell({ kind: 'event', event }));
  }

  /** What the owner works on; `seen`: the newest word of the group that it knew then. Only an answer to the newest word gives anything up. */
  owns(seen: number, slots: readonly number[]): void {
    this.#held = seen === this.#version ? new Set([...slots, ...this.#assignment.assigned]) : this.#held.union(new Set(slots));
    this.#review();
    this.#wake();
  }

  offsets(positions: Positions): void {
    this.#kept.add(positions);
    this.#wake();
  }

  leave(): void {
    this.#leaving = true;
    // a join may be waiting for others
    this.#coordinator.forget();
    this.#wake();
  }

  /** Resolves when it has left. @throws what makes further tries useless */
  async run(): Promise<void> {
    try {
      while (!this.#leaving) {
        try {
          if (this.#rejoin) await this.#join();
          else await this.#turn();
        } catch (error) {
          if (this.#leaving) break;
          if (!(error instanceof Transient)) throw error;
          if (error.moved) this.#coordinator.forget();
          this.#beatAt = 0;
          await this.#sleep(this.#outage.failed(error, this.#patience(error)));
        }
      }
      if (this.#id !== '') await this.#depart();
    } finally {
      this.#coordinator.forget();
      this.#cluster.close();
    }
  }

  /** For how long this may go on, ms; null: as long as it takes. Whoever had another plan and died is in the group until its session is over. */
  #patience(failure: Transient): number | null {
    const { patience, session } = this.#setup;
    if (failure.code === 'plan_changed') return session + SLACK;
    return this.#joined ? null : patience;
  }

  get #member(): Member {
    return { group: this.#setup.group, generation: this.#generation, id: this.#id, instance: this.#setup.instance };
  }

  /** Waits, unless something is to be done sooner. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One heartbeat, one commit, or a wait until the next is due. */
  async #turn(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now >= this.#beatAt) {
      this.#beatAt = now + HEARTBEAT;
      const asked = momentOf(this.#clock);
      const error = await this.#coordinator.ask(heartbeat(this.#member), ANSWER_WITHIN);
      // while a generation is being made, what the last one was told still counts
      if (error === CODE.none || error === CODE.rebalanceInProgress) this.#heard(asked);
      this.#accept(error);
    } else if (this.#kept.due(now)) await this.#kept.commit(this.#coordinator, this.#member, now, ANSWER_WITHIN);
    else await this.#sleep(Math.min(this.#beatAt, this.#kept.dueAt) - now);
  }

  /** Whether an answer is no error. What asks for another join leaves `#rejoin` set. @throws what ends it, or may pass */
  #accept(error: number): boolean {
    const about = `consumer group ${this.#setup.group}`;
    if (error === CODE.inconsistentProtocol) throw otherPlan(about);
    const failure = error === CODE.none ? null : refusal(error, about);
    if (!(failure instanceof Transient)) this.#outage.over();
    if (failure === null) return true;
    if (error === CODE.fencedInstance)
      throw new MillraceError('fenced', `Another process has joined ${about} as instance ${this.#setup.instance}.`, {
        hint: 'Give each process an instance name of its own.',
      });
    const again = error === CODE.rebalanceInProgress || error === CODE.illegalGeneration || error === CODE.memberIdRequired || error === CODE.unknownMember;
    if (!again) throw failure;
    this.#rejoin = true;
    if (error === CODE.illegalGeneration || error === CODE.unknownMember) this.#heard(null);
    if (error === CODE.unknownMember) this.#lost();
    return false;
  }

  #heard(at: Moment | null): void {
    this.#tell({ kind: 'heard', at });
  }

  #lost(): void {
    if (this.#id !== '' && this.#joined) {
      const message = `Consumer group ${this.#setup.group} went on without this process, which it had not heard of; joining again.`;
      this.#tell({ kind: 'event', event: { level: 'warn', code: 'group_lost', message } });
    }
    this.#id = '';
  }

  get #claim(): Subscription {
    const held = [...this.#held].sort((a, b) => a - b);
    const { true: owned = [], false: closing = [] } = Object.groupBy(held, (slot) => `${this.#assignment.assigned.includes(slot)}`);
    return { owned, closing, generation: this.#generation };
  }

  async #join(): Promise<void> {
    const { session, topics, slots } = this.#setup;
    const metadata = encodeSubscription(this.#claim, topics);
    const joined = await this.#coordinator.ask(joinGroup(this.#member, this.#protocol, metadata, session, session), session + SLACK);
    if (joined.error === CODE.memberIdRequired) this.#id = joined.id;
    if (!this.#accept(joined.error)) return;
    this.#id = joined.id;
    this.#generation = joined.generation;
    const given = joined.leader === joined.id ? this.#share(joined) : new Map<string, Buffer>();
    const asked = momentOf(this.#clock);
    const synced = await this.#coordinator.ask(syncGroup(this.#member, this.#protocol, given), session + SLACK);
    if (!this.#accept(synced.error)) return;
    this.#rejoin = false;
    this.#joined = true;
    this.#beatAt = this.#clock.monotonic() + HEARTBEAT;
    this.#take(decodeAssignment(synced.assignment), asked);
    // a member that came back by its name was given what another number of slots was shared out into
    if (this.#assignment.slots !== slots && !this.#recounted) this.#rejoin = true;
    this.#recounted = true;
  }

  /** As the leader: everybody's assignment. */
  #share({ members }: Joined): Map<string, Buffer> {
    const { slots, topics } = this.#setup;
    const claims: Claim[] = members.map(({ id, metadata }) => ({ id, ...decodeSubscription(metadata) }));
    const given = assign(claims, slots);
    return new Map(
      claims.map(({ id, owned, closing }) => {
        const assigned = given.get(id) ?? [];
        const withdrawn = [...owned, ...closing].filter((slot) => !assigned.includes(slot));
        return [id, encodeAssignment({ assigned, withdrawn, slots, members: claims.length }, topics)];
      }),
    );
  }

  #take(assignment: Assignment, asked: Moment): void {
    this.#assignment = assignment;
    this.#version++;
    for (const slot of assignment.assigned) this.#held.add(slot);
    const { assigned, members } = assignment;
    this.#tell({ kind: 'state', state: { version: this.#version, assigned, generation: this.#generation, members, asked } });
    this.#review();
  }

  /** When all that was withdrawn is given up, the others are told by another join. */
  #review(): void {
    const { withdrawn } = this.#assignment;
    if (withdrawn.length > 0 && !withdrawn.some((slot) => this.#held.has(slot))) this.#rejoin = true;
  }

  /** Whatever fails here, the group finds out by itself when the session is over. */
  async #depart(): Promise<void> {
    try {
      await this.#kept.commit(this.#coordinator, this.#member, this.#clock.monotonic(), LEAVE_WITHIN);
      await this.#coordinator.ask(leaveGroup(this.#member), LEAVE_WITHIN);
    } catch (error) {
      if (!(error instanceof Transient || error instanceof MillraceError)) throw error;
    }
  }
}
