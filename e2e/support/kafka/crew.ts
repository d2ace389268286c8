import { setTimeout as sleep } from 'node:timers/promises';
import type { Finished, Millrace } from '../cli.ts';
import { difference } from '../kills.ts';
import { type ForeignRecord, kafkaOf, makeTopics } from './foreign.ts';
import { disorder } from './order.ts';
import { kafkaAnswers, type Laid, onKafka, type ProfileOptions } from './pair.ts';
import { start } from './running.ts';

/** what a run says of its slots */
const SLOTS = /^info (?:slots Working on (?:all (\d+) slots|slots? ([\d, ]+) of)|standing_by No slot)/;

/** `fed`: how many of the input's records are there from the beginning; default: all */
export type CrewOptions = ProfileOptions & { readonly fed?: number };

/** One process of a crew. */
export interface Hand {
  readonly name: string;
  readonly run: Millrace;
  over: Finished | null;
}

/** The processes that share one pipeline on a broker, each on a data directory of its own unless it is told otherwise, and all that was started of them. */
export class Crew {
  readonly dir: string;
  readonly tag: string;
  readonly #laid: Laid;
  readonly #brokers: readonly string[];
  readonly all: Hand[] = [];

  private constructor(laid: Laid, brokers: readonly string[], dir: string, tag: string) {
    this.#laid = laid;
    this.#brokers = brokers;
    this.dir = dir;
    this.tag = tag;
  }

  static async lay(laid: Laid, brokers: readonly string[], dir: string, tag: string, { fed, ...profile }: CrewOptions = {}): Promise<Crew> {
    const crew = new Crew(laid, brokers, dir, tag);
    const inputs = fed === undefined ? laid.inputs : new Map([...laid.inputs].map(([topic, records]) => [topic, inOrder(records).slice(0, fed)]));
    await onKafka({ ...laid, inputs: fed === 0 ? new Map() : inputs }, brokers, dir, tag, { checkpointEvery: 500, ...profile });
    if (fed === 0)
      await makeTopics(
        brokers,
        [...laid.inputs.keys()].map((topic) => ({ topic: `${tag}.${topic}`, numPartitions: 4 })),
      );
    return crew;
  }

  /** `bin`: another launcher than the checkout's */
  start(
    name: string,
    args: readonly string[] = [],
    { dataDir = `data-${name}`, ...more }: { dataDir?: string; env?: Record<string, string>; bin?: string } = {},
  ): Hand {
    const hand: Hand = { name, run: start(this.dir, args, { dataDir, ...more }), over: null };
    this.all.push(hand);
    void hand.run.finished.then((finished) => {
      hand.over = finished;
    });
    return hand;
  }

  get alive(): Hand[] {
    return this.all.filter(({ over }) => over === null);
  }

  /** Puts the records from `from` to `to` of the input into its topic, so many a second. */
  async feed(from: number, to: number, perSecond: number): Promise<void> {
    const [[topic, records]] = [...this.#laid.inputs] as [[string, readonly ForeignRecord[]]];
    // in the order in which they were made, not partition by partition
    const order = inOrder(records).slice(from, to);
    const producer = kafkaOf(this.#brokers).producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const began = performance.now();
    try {
      for (let at = 0; at < order.length; ) {
        const due = Math.min(order.length, Math.ceil(((performance.now() - began) / 1000) * perSecond));
        if (due > at) await producer.send({ topic: `${this.tag}.${topic}`, messages: order.slice(at, due).map((record) => ({ ...record })) });
        at = Math.max(at, due);
        await sleep(100);
      }
    } finally {
      await producer.disconnect();
    }
  }

  /** Ends what still runs, by SIGTERM to all at once. */
  async stop(hands: readonly Hand[] = this.alive): Promise<Finished[]> {
    return Promise.all(hands.map(({ run }) => run.kill('SIGTERM')));
  }

  /** What differs from the undisturbed run, for our own reader, for a foreign one, and in the order of the raw logs. Empty: nothing. */
  async wrong(): Promise<string> {
    const { own, foreign } = await kafkaAnswers(this.#laid.pair, this.#brokers, this.dir, this.tag);
    const { expected } = this.#laid;
    return [difference(expected, own), difference(expected, foreign), ...(await disorder(this.#brokers, this.tag))].filter((text) => text !== '').join('\n');
  }

  async kill(): Promise<void> {
    await Promise.all(this.alive.map(({ run }) => run.kill()));
  }

  /** all that was said, for one who looks at a failure */
  get said(): string {
    return this.all.map(({ name, run, over }) => `--- ${name}${over ? ` (${over.code ?? over.signal})` : ''}\n${run.said}`).join('\n');
  }
}

/** Records of several partitions, as they were before they were parted: by time, which goes up in each. */
function inOrder<T extends { readonly value: Buffer | null }>(records: readonly T[]): T[] {
  const number = (record: T): number => Number(/"id":(\d+)/.exec(record.value?.toString() ?? '')?.[1] ?? 0);
  return records.toSorted((a, b) => number(a) - number(b));
}

/** The slots that a process has said last that it works on; null: it has said nothing yet. */
export function slotsOf({ run, over }: Hand): readonly number[] | null {
  if (over !== null) return [];
  const last = run.said.split('\n').findLast((line) => SLOTS.test(line));
  if (last === undefined) return null;
  const [, all, some] = SLOTS.exec(last) as unknown as (string | undefined)[];
  if (all !== undefined) return Array.from({ length: Number(all) }, (_, slot) => slot);
  return some === undefined ? [] : some.split(',').map(Number);
}

/** `what`: in words, as it is when it has not come. The time is for a machine that others use as well. */
export async function until(what: string | (() => string), holds: () => boolean | Promise<boolean>, seconds = 120): Promise<void> {
  for (const began = performance.now(); !(await holds()); await sleep(50))
    if (performance.now() - began > seconds * 1000) throw new Error(`did not come in ${seconds} s: ${typeof what === 'string' ? what : what()}`);
}

/** Whether these have all slots between them, so many each as is fair. */
export function share(hands: readonly Hand[], slots = 4): boolean {
  const parts = hands.map(slotsOf);
  if (parts.some((part) => part === null)) return false;
  const counts = parts.map((part) => part?.length ?? 0);
  const found = parts.flat().sort();
  return found.length === slots && new Set(found).size === slots && Math.max(...counts) - Math.min(...counts) <= 1;
}

/** Watches how far each partition of a topic is: the longest time, ms, in which one stood still, of those that get records all the time. */
export function watchProgress(brokers: readonly string[], topic: string): { stop(): Promise<ReadonlyMap<number, number>> } {
  const admin = kafkaOf(brokers).admin();
  const longest = new Map<number, number>();
  const moved = new Map<number, { high: number; at: number }>();
  const over = { stopped: false };
  const watching = (async () => {
    await admin.connect();
    while (!over.stopped) {
      const now = performance.now();
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const before = moved.get(partition);
        if (before !== undefined && before.high === Number(high)) continue;
        if (before !== undefined) longest.set(partition, Math.max(longest.get(partition) ?? 0, now - before.at));
        moved.set(partition, { high: Number(high), at: now });
      }
      await sleep(100);
    }
    await admin.disconnect();
  })();
  return {
    async stop() {
      over.stopped = true;
      await watching;
      return longest;
    },
  };
}
