import { MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import { Arrivals } from '@millrace/transport/kafka/arrivals.ts';
import type { Membership } from '@millrace/transport/kafka/group/membership.ts';
import { isTaken, type Taken } from '@millrace/transport/kafka/group/taken.ts';
import type { Parts } from '@millrace/transport/parts.ts';
import { BUILD } from '../prepare.ts';
import type { RunOptions } from '../run-options.ts';
import { type HostStats, MergedStats } from '../stats.ts';
import { Slot, whyLost } from './slot.ts';
import { Speaker } from './speaker.ts';
import { heardWord, type Word } from './word.ts';

/** how often a slot at work looks for another word, and one at rest for its first, ms */
const LOOK_MS = 100;
const WAIT_MS = 20;

/** A slot whose records leave at once is opened anew after so long, ms, and its partitions fenced with it: where nobody appends for a day brokers forget the fence. */
const RENEW_MS = 12 * 3600 * 1000;

/** A slot from its take-over to its giving up. */
interface Life {
  /** of the group, when it said last that the slot is to be had here */
  generation: number;
  /** why it is to be given up: 'stopped' lets what is on its way in exchanges come through first; null: it is not */
  ending: 'moved' | 'stopped' | null;
  /** resolves when it has been */
  over: Promise<void>;
  slot: Slot | null;
}

/** Opens, works on and gives up slots, each in a life of its own: one that recovers holds up no other. */
export class Keeper {
  readonly #options: RunOptions;
  readonly #parts: Parts;
  readonly #group: Pick<Membership, 'assigned' | 'generation' | 'confirmed'>;
  readonly #slots: number;
  readonly #lives = new Map<number, Life>();
  readonly #stats = new MergedStats();
  /** slots that another process took without a word of the group: not opened again before the group has spoken, or for a while */
  readonly #taken = new Map<number, Taken>();
  /** something in a life has changed */
  readonly #news = new Arrivals();
  /** the run that was under way when this process came */
  readonly #found: number | null;
  #paused = false;
  #failure: { readonly error: unknown } | null = null;
  /** null: slot 0 is another's */
  speaker: Speaker | null = null;

  constructor(options: RunOptions, parts: Parts, group: Pick<Membership, 'assigned' | 'generation' | 'confirmed'>, slots: number) {
    this.#options = options;
    this.#parts = parts;
    this.#group = group;
    this.#slots = slots;
    const run = heardWord(parts.ledger, options.plan.name)?.word.run;
    this.#found = run === undefined || run.finished ? null : run.run;
  }

  /** those being opened and given up included */
  get kept(): number[] {
    return [...this.#lives.keys()];
  }

  /** those at work that are not to be given up */
  get working(): number[] {
    return [...this.#lives].filter(([, { slot, ending }]) => slot !== null && ending === null).map(([number]) => number);
  }

  /** Does what the group says: gives up what is not assigned any more, opens what is new. @throws what a life has failed with */
  follow(): void {
    if (this.#failure !== null) throw this.#failure.error;
    const { assigned, generation } = this.#group;
    for (const [number, life] of this.#lives) {
      if (!assigned.includes(number)) this.#end(life, 'moved');
      else if (life.ending === null) life.generation = generation;
    }
    for (const number of assigned) {
      if (this.#lives.has(number) || isTaken(this.#taken.get(number) ?? null, generation, this.#options.clock.monotonic())) continue;
      this.#taken.delete(number);
      const life: Life = { generation, ending: null, slot: null, over: Promise.resolve() };
      this.#lives.set(number, life);
      life.over = this.#live(number, life);
    }
  }

  /** Gives all up. `drained`: once what is on its way in exchanges has come through, for a while. */
  async leave(drained: boolean): Promise<void> {
    const lives = [...this.#lives.values()];
    for (const life of lives) this.#end(life, drained ? 'stopped' : 'moved');
    await Promise.all(lives.map(({ over }) => over));
    if (this.#failure !== null) throw this.#failure.error;
  }

  #end(life: Life, why: NonNullable<Life['ending']>): void {
    life.ending ??= why;
    this.#news.notify();
  }

  pause(): void {
    this.#paused = true;
    for (const { slot } of this.#lives.values()) slot?.pause();
  }

  drainStats(now: number): HostStats {
    for (const [number, { slot }] of this.#lives) if (slot !== null) this.#stats.add(number, slot.drainStats(), now);
    return this.#stats.drain(now);
  }

  /** by source topic and partition */
  positions(): ReadonlyMap<string, ReadonlyMap<number, number>> {
    const all = new Map<string, Map<number, number>>();
    for (const { slot } of this.#lives.values())
      for (const [topic, partition, offset] of slot?.positions() ?? []) all.set(topic, (all.get(topic) ?? new Map()).set(partition, offset));
    return all;
  }

  async #live(number: number, life: Life): Promise<void> {
    try {
      await this.#own(number, life);
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'fenced')) this.#failure ??= { error };
      else {
        this.#taken.set(number, { generation: life.generation, at: this.#options.clock.monotonic() });
        this.#options.onEvent({ level: 'warn', code: 'slot_taken', message: `Another process has taken over slot ${number}.` });
      }
    } finally {
      this.#lives.delete(number);
      this.#stats.forget(number);
      this.#news.notify();
    }
  }

  async #own(number: number, life: Life): Promise<void> {
    // not before there is something to do: whoever speaks may have to fence all slots first
    const first = number === 0 ? null : await this.#word(life, null);
    // what was said before this process stood still for a session is no word any more: others may have the slot
    while (life.ending === null && !this.#group.confirmed) await this.#news.wait(WAIT_MS);
    if (life.ending !== null) return;
    const part = await this.#parts.part(number);
    probe('slot.taken');
    let speaker: Speaker | null = null;
    try {
      if (number === 0) {
        speaker = await Speaker.begin(this.#options, this.#parts, part, this.#slots, this.#found);
        this.speaker = speaker;
      }
      for (let word = first ?? (await this.#word(life, null)); word !== null; ) {
        const due = part.immediate === undefined ? () => false : this.#renewal();
        const slot = await Slot.open(this.#options, part, number, word.word);
        life.slot = slot;
        if (this.#paused) slot.pause();
        const renewed = await this.#workOn(slot, life, word.text, due);
        life.slot = null;
        this.#stats.add(number, await slot.leave(life.ending === 'stopped'), this.#options.clock.monotonic());
        probe('slot.left');
        word = await this.#word(life, renewed ? null : word.text);
      }
    } catch (error) {
      throw await whyLost(error, part, this.#options.plan.name, number);
    } finally {
      life.slot = null;
      if (number === 0) this.speaker = null;
      speaker?.leave();
      await part.close();
    }
  }

  /** Says when what is opened now is to be opened anew. The wall's clock goes on where a machine sleeps, the other one where somebody sets it back. */
  #renewal(): () => boolean {
    const { clock } = this.#options;
    const [wall, ticks] = [clock.now(), clock.monotonic()];
    return () => Math.max(clock.now() - wall, clock.monotonic() - ticks) >= RENEW_MS;
  }

  /** Until the slot is to be given up, or another word is given; or it is `due` to be opened anew: true. @throws what the slot has failed with */
  async #workOn(slot: Slot, life: Life, text: string, due: () => boolean): Promise<boolean> {
    const over = { failed: false };
    const end = (failed: boolean) => () => {
      over.failed = failed;
      this.#news.notify();
    };
    slot.done.then(end(false), end(true));
    while (life.ending === null && heardWord(this.#parts.ledger, this.#options.plan.name)?.text === text) {
      if (due()) return true;
      await this.#news.wait(LOOK_MS);
      if (over.failed) await slot.done;
    }
    return false;
  }

  /** The first word for this plan that is not `old` and whose run is not over; null once the slot is to be given up. */
  async #word(life: Life, old: string | null): Promise<{ readonly text: string; readonly word: Word } | null> {
    const { plan } = this.#options;
    while (life.ending === null) {
      // where slot 0 is opened here too, its word is a newer one than what stands there
      const spoken = this.speaker !== null || !this.#lives.has(0);
      const heard = spoken ? heardWord(this.#parts.ledger, plan.name) : null;
      if (heard && heard.text !== old && heard.word.planHash === plan.hash && heard.word.build === BUILD && !heard.word.run.finished) return heard;
      await this.#news.wait(WAIT_MS);
    }
    return null;
  }

  /** resolves when something here has changed, or after ms */
  wait(ms: number): Promise<void> {
    return this.#news.wait(ms);
  }
}
