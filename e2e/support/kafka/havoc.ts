import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbePoint } from '@millrace/runtime/probe.ts';
import type { Random } from '@millrace/runtime/random.ts';
import type { Crew, Hand } from './crew.ts';
import { kafkaOf } from './foreign.ts';

/** What was done to processes, by kind: `kill at kafka.sent`, `stop past the session`, `leave` … */
export type Deeds = Map<string, number>;

export interface HavocOptions {
  readonly crew: Crew;
  readonly brokers: readonly string[];
  readonly random: Random;
  /** record-stage processes at a time */
  readonly least: number;
  readonly most: number;
  /** places at which those processes are killed or stopped */
  readonly points: readonly ProbePoint[];
  /** the same of the analyzer; empty: there is none */
  readonly analyzer: readonly ProbePoint[];
  readonly deeds: Deeds;
  /** an output with four partitions to which every record leads */
  readonly moving: string;
  /** another launcher than the checkout's */
  readonly bin?: string;
}

/** longest time without a record of a partition, ms: past a session and a process that stood still, on a machine that others use as well */
const STUCK_MS = 120_000;
const SESSION_MS = 10_000;
/** five deaths without progress in between may find a record guilty: it would count as poison */
const DEATHS_IN_A_ROW = 4;

/** Kills, stops, restarts, joins and leaves at random, until it is told that it is enough. */
export class Havoc {
  readonly #options: HavocOptions;
  readonly #did: string[] = [];
  /** those stopped, and when they are to go on */
  readonly #still = new Map<Hand, Promise<void>>();
  #started = 0;
  #deaths = 0;
  #records: Hand[] = [];
  #analyzer: Hand | null = null;
  #over = false;
  readonly #began = performance.now();

  constructor(options: HavocOptions) {
    this.#options = options;
  }

  /** in the order in which it was done */
  get did(): readonly string[] {
    return this.#did;
  }

  /** Starts everybody; resolves when they are at work. */
  async begin(): Promise<void> {
    const { most, analyzer } = this.#options;
    for (let n = 0; n < most; n++) this.#join(this.#fresh());
    if (analyzer.length > 0) this.#startAnalyzer();
    await this.#progress(() => false);
  }

  /** Resolves when `enough` holds and everybody goes on. Whoever was started with a point is caught there also later. @throws when a partition stands still */
  async run(enough: () => boolean): Promise<void> {
    const { random, least, most } = this.#options;
    while (!enough()) {
      await sleep(500 + random.below(3500));
      if (this.#deaths >= DEATHS_IN_A_ROW) await this.#progress(enough);
      if (enough()) break;
      const going = this.#going();
      const one = going[random.below(going.length)];
      const what = random.below(100);
      if (going.length < least || one === undefined) this.#join(this.#fresh());
      else if (what < 32) await this.#kill(one);
      else if (what < 38) for (const each of going) await this.#kill(each);
      else if (what < 56) this.#stand(one, random.below(2) === 0 ? 300 + random.below(8000) : SESSION_MS + 1000 + random.below(9000));
      else if (what < 70) await this.#leave(one);
      else if (what < 82 && going.length < most) this.#join(this.#fresh());
      else if (this.#analyzer !== null) await this.#killAnalyzer();
    }
    this.#over = true;
    await Promise.all([...this.#still.values()]);
  }

  #note(what: string, name: string): void {
    const { deeds } = this.#options;
    deeds.set(what, (deeds.get(what) ?? 0) + 1);
    this.#did.push(`${Math.round((performance.now() - this.#began) / 1000)} s ${what} ${name}`);
  }

  #fresh(): string {
    return `data-${++this.#started}`;
  }

  /** record-stage processes that neither are over nor stand still */
  #going(): Hand[] {
    this.#records = this.#records.filter(({ over }) => over === null);
    return this.#records.filter((hand) => !this.#still.has(hand));
  }

  #join(dataDir: string): void {
    const { crew, random, points, bin } = this.#options;
    const armed = random.below(5) < 3 ? (points[random.below(points.length)] as ProbePoint) : null;
    const stop = armed !== null && random.below(3) === 0;
    const hit = 1 + random.below(/^(kafka|batch)/.test(armed ?? '') ? 8 : 2);
    const env: Record<string, string> = armed === null ? {} : { MILLRACE_PROBE: `${armed}:${hit}${stop ? ':stop' : ''}` };
    const hand = crew.start(dataDir, ['--only', 'preprocess'], { dataDir, env, ...(bin === undefined ? {} : { bin }) });
    this.#note('start', `${dataDir}${armed === null ? '' : ` with ${env['MILLRACE_PROBE']}`}`);
    this.#records.push(hand);
    if (armed !== null) void this.#caught(hand, armed, stop);
  }

  /** Waits for one that was started with a point to come there. */
  async #caught(hand: Hand, point: ProbePoint, stop: boolean): Promise<void> {
    await Promise.race([hand.run.saw(`probe ${point}\n`), hand.run.finished]);
    if (hand.over !== null || !hand.run.said.includes(`probe ${point}\n`)) return;
    const { random } = this.#options;
    if (stop) {
      this.#note(`stop at ${point}`, hand.name);
      this.#stand(hand, this.#over ? 300 : 500 + random.below(18_000), false);
      await this.#still.get(hand);
      return;
    }
    this.#note(`kill at ${point}`, hand.name);
    await this.#dead(hand);
    if (!this.#over && random.below(3) > 0) this.#join(hand.name);
  }

  async #dead(hand: Hand): Promise<void> {
    this.#deaths++;
    await hand.run.kill();
  }

  async #kill(hand: Hand): Promise<void> {
    const { random, crew } = this.#options;
    if (hand.over !== null) return;
    const lost = random.below(4) === 0;
    const back = random.below(3) > 0;
    this.#note(`kill${back ? ', back at once' : ''}${lost ? ' without its data directory' : ''}`, hand.name);
    await this.#dead(hand);
    if (lost) rmSync(join(crew.dir, hand.name, 'kafka'), { recursive: true, force: true });
    if (back) this.#join(hand.name);
  }

  async #leave(hand: Hand): Promise<void> {
    this.#note('leave', hand.name);
    hand.run.child.kill('SIGTERM');
  }

  #stand(hand: Hand, ms: number, tell = true): void {
    if (tell) {
      this.#note(ms > SESSION_MS ? 'stop past the session' : 'stop', hand.name);
      hand.run.child.kill('SIGSTOP');
    }
    const over = sleep(ms).then(() => {
      hand.run.child.kill('SIGCONT');
      this.#still.delete(hand);
    });
    this.#still.set(hand, over);
  }

  #startAnalyzer(): void {
    const { crew, random, analyzer, bin } = this.#options;
    const point = random.below(3) > 0 ? (analyzer[random.below(analyzer.length)] as ProbePoint) : null;
    const env: Record<string, string> = point === null ? {} : { MILLRACE_PROBE: `${point}:${1 + random.below(4)}` };
    const hand = crew.start('analyzer', ['--only', 'analyze'], { env, ...(bin === undefined ? {} : { bin }) });
    this.#analyzer = hand;
    if (point === null) return;
    void hand.run.saw(`probe ${point}\n`).then(async () => {
      this.#note(`analyzer: kill at ${point}`, '');
      await hand.run.kill();
      if (this.#analyzer === hand && !this.#over) this.#startAnalyzer();
    });
  }

  async #killAnalyzer(): Promise<void> {
    const hand = this.#analyzer as Hand;
    if (hand.over !== null) return;
    this.#analyzer = null;
    this.#note('analyzer: kill', '');
    await hand.run.kill();
    if (!this.#over) this.#startAnalyzer();
  }

  /** Waits until each partition of the moving output has more than it had, or it is enough. @throws when one does not get there */
  async #progress(enough: () => boolean): Promise<void> {
    const { brokers, moving, least } = this.#options;
    const admin = kafkaOf(brokers).admin();
    await admin.connect();
    const look = async (): Promise<number[]> => {
      const told = (await admin.listTopics()).includes(moving) ? await admin.fetchTopicOffsets(moving).catch(() => []) : [];
      return [0, 1, 2, 3].map((p) => Number(told.find(({ partition }) => partition === p)?.high ?? 0));
    };
    try {
      const before = await look();
      const began = performance.now();
      for (let now = before; now.some((high, p) => high <= (before[p] as number)); now = await look()) {
        if (performance.now() - began > STUCK_MS) throw new Error(`no record in ${STUCK_MS} ms in some partition of ${moving}: ${before} ${now}`);
        if (enough()) return;
        while (this.#going().length < least) this.#join(this.#fresh());
        await sleep(200);
      }
    } finally {
      await admin.disconnect();
    }
    this.#deaths = 0;
  }
}
