import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Ledger, Transport } from '@millrace/transport/log.ts';
import { assembleHost } from '../assemble.ts';
import type { Host } from '../host.ts';
import { tasksOf } from '../layout.ts';
import { type Liveness, newborn, record, slotKey } from '../lifecycle.ts';
import { arise } from '../prepare.ts';
import { MAX_RECORDS, type RunOptions } from '../run-options.ts';
import type { HostStats } from '../stats.ts';
import { suspectKey } from '../suspect.ts';
import type { Word } from './word.ts';

/** How the last one who worked there ended. */
export function livenessOf(ledger: Ledger, key: string): Liveness {
  const bytes = ledger.get(key);
  return bytes === null ? newborn : (JSON.parse(Buffer.from(bytes).toString()) as Liveness);
}

/**
 * What an error in a slot means: whoever has taken the slot over may have taken away what was still to be read here, and that is what to tell then. Only the log knows
 * who owns it.
 */
export async function whyLost(error: unknown, part: Transport, pipeline: string, slot: number): Promise<unknown> {
  const lifeKey = slotKey(pipeline, slot, 'life');
  try {
    await part.commit({ appenders: [], puts: [[lifeKey, part.ledger.get(lifeKey) ?? record(newborn)]] });
  } catch (lost) {
    if (lost instanceof MillraceError && lost.code === 'fenced') return lost;
  }
  return error;
}

/** One slot at work: task n of every stage, on a part of its own. */
export class Slot {
  readonly #host: Host;
  readonly #part: Transport;
  readonly #lifeKey: string;
  /** of the sources that are topics, by id */
  readonly #topics: ReadonlyMap<string, string>;
  readonly #done: Promise<void>;

  private constructor(host: Host, part: Transport, lifeKey: string, topics: ReadonlyMap<string, string>) {
    this.#host = host;
    this.#topics = topics;
    this.#part = part;
    this.#lifeKey = lifeKey;
    this.#done = host.run(() => {});
    this.#done.catch(() => {});
  }

  /** Recovers its tasks, and sets to work. `number`: of the slot; `part` is its own */
  static async open(options: RunOptions, part: Transport, number: number, { layout, run, begun, stamps, schemaIds }: Word): Promise<Slot> {
    const { plan, profile, dataDir, maxRecords = MAX_RECORDS } = options;
    const tasks = tasksOf(layout, number);
    // whoever has slot 0 may have made topics since this process looked
    for (const [topic, partitions] of Object.entries(layout.topics)) if (part.log.topic(topic) === null) await part.log.ensure(topic, partitions);
    const lifeKey = slotKey(plan.name, number, 'life');
    const suspectAt = suspectKey(plan.name, number);
    const { liveness, puts, wary, careful } = arise(plan, tasks, part.ledger, livenessOf(part.ledger, lifeKey), suspectAt);
    await part.commit({ appenders: [], puts: [[lifeKey, record(liveness)], ...puts] });
    const resources = { stamps, schemaIds };
    const setup = { plan, profile, dataDir, layout, run, maxRecords, wary, begun, careful, suspectKey: suspectAt, fence: undefined, ...resources };
    const topics = plan.sources.flatMap(({ id, topic }) => (topic === null ? [] : [[id, topic] as const]));
    return new Slot(await assembleHost(setup, part, options.clock, tasks), part, lifeKey, new Map(topics));
  }

  /** resolves when its tasks have ended their run or have stopped; rejects with what ended it */
  get done(): Promise<void> {
    return this.#done;
  }

  pause(): void {
    this.#host.control.paused = true;
  }

  drainStats(): HostStats {
    return this.#host.drainStats();
  }

  /** Offsets behind what its tasks have taken, by source topic and partition: for tools that show lag. */
  *positions(): Iterable<readonly [topic: string, partition: number, offset: number]> {
    for (const { inputs } of this.#host.cores)
      for (const { name, offset } of inputs) {
        const slash = name.lastIndexOf('/');
        const topic = this.#topics.get(name.slice(0, slash));
        if (topic !== undefined) yield [topic, Number(name.slice(slash + 1)), offset];
      }
  }

  /** Saves its state and closes; gives what it did since its last statistics. `drained`: what is on its way in exchanges comes through first, for a while. */
  async leave(drained: boolean): Promise<HostStats> {
    if (drained) this.#host.control.stopping = true;
    else this.#host.control.leaving = true;
    try {
      await this.#done;
      await this.#part.commit({ appenders: [], puts: [[this.#lifeKey, record(newborn)]] });
      return this.#host.drainStats();
    } finally {
      this.#host.close();
    }
  }
}
