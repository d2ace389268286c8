import { Worker } from 'node:worker_threads';
import { commonClock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { KafkaSettings } from '../client.ts';
import { LastHeard } from './last-heard.ts';
import type { FromMember, GroupEvent, GroupState, MemberSetup, Positions, ToMember } from './messages.ts';

export interface MembershipOptions {
  readonly settings: KafkaSettings;
  /** the consumer group, such as `orders.preprocess` */
  readonly group: string;
  /** as brokers and Kafka's tools name this member */
  readonly clientId: string;
  /** a name that this process keeps over restarts: coming back within the session it has its slots again and nobody else's move. null: none */
  readonly instance: string | null;
  /** slots 0 … slots − 1 are shared out; all members say the same number */
  readonly slots: number;
  /** hash of what all members must agree on; see `joinGroup` */
  readonly plan: string;
  /** source topic → partitions; slot n stands for partition n of each that has one */
  readonly topics: ReadonlyMap<string, number>;
  /** ms of silence after which the group goes on without this member; default 10 s, with an instance 30 s. Brokers allow 6 s to 30 min unless told otherwise */
  readonly session?: number;
  /** ms for which the first contact with the brokers may fail before `joinGroup` does; default 30 s. Later on it waits as long as it takes */
  readonly patience?: number;
  /** brokers away and back, a membership lost: group_waiting, group_back, group_lost */
  readonly onEvent?: (event: GroupEvent) => void;
}

/**
 * One member of the group. A slot that is to move is first withdrawn: it leaves `assigned` of its owner and comes into nobody's. Its owner gives it up
 * and says so with `owns`; only then the group gives it to another. Slots that stay where they are stay in `assigned` all the time.
 *
 * A member that was not heard of for a session loses its slots to others; `assigned` does not change until the group has an answer to its coming
 * back. So being assigned is no fence: whoever opens a slot fences its former owner by the slot's transactional id. And being assigned is old news where the
 * group was not heard for a session: `confirmed`.
 */
export interface Membership {
  /** slots that the group gives this member, ascending: the newest word */
  readonly assigned: readonly number[];
  readonly generation: number;
  /**
   * Whether the group said within the last session that this process is in it. Where it is not (a process that stood still, brokers that are away) others may have the slots: what is
   * worked on goes on until it is refused, and nothing is opened before the group has spoken again.
   */
  readonly confirmed: boolean;
  /** members of the group, those without a slot too */
  readonly members: number;
  /** what ended the membership for good: fenced (another process has the same instance), authentication_failed, not_authorized, broker_refused … */
  readonly failure: MillraceError | null;
  /** Resolves after a word of the group that no call has told of yet (at once if there is one), or after ms. @throws `failure` */
  changed(ms: number): Promise<void>;
  /**
   * Which slots this member works on: those that it is about to open, and those that it has not quite given up. Name a slot before opening it. A slot that
   * is withdrawn and not named counts as given up, and the group hands it on.
   */
  owns(slots: readonly number[]): void;
  /** Offsets of the next records, for tools that show lag: committed within about a second, merged with those before; a failure is no matter. */
  offsets(positions: Positions): void;
  /** Leaves at once, so that others take the slots now, and ends the thread. A member with an instance gives that up too. */
  leave(): Promise<void>;
}

const SESSION = 10_000;
/** long enough for a restart */
const STATIC_SESSION = 30_000;
const PATIENCE = 30_000;
const LEAVE_WITHIN = 6_000;

/**
 * Joins the group, from a thread of its own: heartbeats wait for nothing that the caller does. The thread does not keep the process alive.
 * @throws broker_unreachable, authentication_failed, tls_failed, not_authorized, broker_refused; plan_changed when members with another plan stay for a session longer
 */
export async function joinGroup(options: MembershipOptions): Promise<Membership> {
  const { settings, group, clientId, instance, slots, plan, topics, patience = PATIENCE } = options;
  const session = options.session ?? (instance === null ? SESSION : STATIC_SESSION);
  const workerData: MemberSetup = {
    settings,
    group,
    clientId,
    instance,
    slots,
    plan,
    topics: new Map(topics),
    session,
    patience,
  };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  const membership = new ThreadMembership(worker, new LastHeard(commonClock, session), options.onEvent);
  await membership.joined;
  return membership;
}

interface Waiter {
  resolve(): void;
  reject(error: MillraceError): void;
}

class ThreadMembership implements Membership {
  readonly #worker: Worker;
  readonly #last: LastHeard;
  readonly #exited: Promise<void>;
  readonly #waiters = new Set<Waiter>();
  #state: Omit<GroupState, 'asked'> = { version: 0, assigned: [], generation: -1, members: 0 };
  #named: readonly number[] = [];
  #news = false;
  #leaving = false;
  #failure: MillraceError | null = null;
  readonly joined: Promise<void>;

  constructor(worker: Worker, last: LastHeard, onEvent: MembershipOptions['onEvent']) {
    this.#worker = worker;
    this.#last = last;
    this.joined = new Promise<void>((resolve, reject) => this.#waiters.add({ resolve, reject })).then(() => {
      this.#news = false;
      worker.unref();
    });
    this.#exited = new Promise((resolve) =>
      worker.once('exit', (code) => {
        if (!this.#leaving) this.#fail(new MillraceError('defect', `The thread of the group membership ended by itself (${code}).`));
        this.#tell();
        resolve();
      }),
    );
    worker.on('error', (error) => this.#fail(new MillraceError('defect', `The thread of the group membership failed: ${error}`, { cause: error })));
    worker.on('message', (message: FromMember) => {
      if (message.kind === 'event') onEvent?.(message.event);
      else if (message.kind === 'failed') this.#fail(new MillraceError(message.code, message.message, { hint: message.hint }));
      else if (message.kind === 'heard') this.#last.heard(message.at);
      else this.#take(message.state);
    });
  }

  #take(state: GroupState): void {
    this.#state = state;
    this.#last.heard(state.asked);
    this.#news = true;
    // what is not named by now is not worked on: from here on nobody reads the old word
    this.owns(this.#named);
    this.#tell();
  }

  #fail(error: MillraceError): void {
    this.#failure ??= error;
    this.#tell();
  }

  #tell(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    if (waiters.length > 0) this.#news = false;
    for (const { resolve, reject } of waiters) {
      if (this.#failure === null) resolve();
      else reject(this.#failure);
    }
  }

  #post(message: ToMember): void {
    this.#worker.postMessage(message);
  }

  get assigned(): readonly number[] {
    return this.#state.assigned;
  }

  get generation(): number {
    return this.#state.generation;
  }

  get confirmed(): boolean {
    return this.#last.member;
  }

  get members(): number {
    return this.#state.members;
  }

  get failure(): MillraceError | null {
    return this.#failure;
  }

  async changed(ms: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#news || this.#leaving) {
      this.#news = false;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        resolve();
      }, ms);
      const ended =
        <T extends unknown[]>(what: (...args: T) => void) =>
        (...args: T): void => {
          clearTimeout(timer);
          what(...args);
        };
      const waiter: Waiter = { resolve: ended(resolve), reject: ended(reject) };
      this.#waiters.add(waiter);
    });
  }

  owns(slots: readonly number[]): void {
    this.#named = [...slots];
    this.#post({ kind: 'owns', seen: this.#state.version, slots: this.#named });
  }

  offsets(positions: Positions): void {
    this.#post({ kind: 'offsets', positions });
  }

  async leave(): Promise<void> {
    if (!this.#leaving) {
      this.#leaving = true;
      this.#worker.ref();
      this.#post({ kind: 'leave' });
      this.#tell();
    }
    const timer = setTimeout(() => void this.#worker.terminate(), LEAVE_WITHIN);
    await this.#exited;
    clearTimeout(timer);
  }
}
