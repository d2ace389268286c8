import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '@millrace/pipeline/load.ts';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { defaultProfile, type Profile } from '@millrace/pipeline/profile.ts';
import { systemClock } from '@millrace/runtime/clock.ts';
import type { Random } from '@millrace/runtime/random.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { type MemoryTransport, openMemory } from '@millrace/transport/memory.ts';
import { openOwner, type Step } from '@millrace/transport/owner.case.ts';
import { run } from './run.ts';
import type { RunProgress } from './run-options.ts';

/** runs mostly wait */
const AT_ONCE = 8;

/** Tries several at a time, each on a twin of the bench, until they are over or `attempt` says that it is enough. */
export async function each<T>(bench: Bench, tries: Iterable<T>, attempt: (one: T, bench: Bench) => Promise<unknown>): Promise<void> {
  const rest = tries[Symbol.iterator]();
  const enough = { yes: false };
  const working = Array.from({ length: AT_ONCE }, async () => {
    const own = await bench.twin();
    try {
      for (let next = rest.next(); !next.done && !enough.yes; next = rest.next()) if ((await attempt(next.value, own)) === 'enough') enough.yes = true;
    } finally {
      // after a failure nobody begins another
      enough.yes = true;
    }
  });
  for (const { status, reason } of (await Promise.allSettled(working)) as { status: string; reason?: unknown }[]) if (status === 'rejected') throw reason;
}

/** What a pipeline is run over: records by source topic, in the order of their appending. */
export interface Input {
  readonly topic: string;
  readonly partition: number;
  readonly value: string;
}

/** What a run leaves: by topic its records, sorted; and the files of the directory, their lines sorted. */
export type Left = Record<string, readonly string[]>;

export const killed = 'killed by the test';

/** A pipeline in a directory of its own, run over memory in either visibility. */
export class Bench {
  readonly #dir = mkdtempSync(join(tmpdir(), 'millrace-immediate-'));
  readonly #partitions: number;
  readonly #topics: readonly string[];
  readonly #files: readonly string[];
  readonly #twins: Bench[] = [];
  #loaded: readonly [yaml: string, beside: Readonly<Record<string, string>>] | null = null;
  plan: Plan | null = null;

  /** `topics`, `files`: what it writes and is compared */
  constructor(partitions: number, topics: readonly string[], files: readonly string[] = []) {
    this.#partitions = partitions;
    this.#topics = topics;
    this.#files = files;
  }

  async load(yaml: string, beside: Readonly<Record<string, string>> = {}): Promise<this> {
    this.#loaded = [yaml, beside];
    for (const [name, text] of Object.entries(beside)) this.write(name, text);
    this.write('p.yaml', yaml);
    const { plan, findings } = await loadPipeline(join(this.#dir, 'p.yaml'), { env: {} });
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    this.plan = plan as Plan;
    return this;
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.#dir, name), text);
  }

  /** the same in another directory */
  async twin(): Promise<Bench> {
    const twin = new Bench(this.#partitions, this.#topics, this.#files);
    this.#twins.push(twin);
    return this.#loaded === null ? twin : twin.load(...this.#loaded);
  }

  close(): void {
    for (const twin of this.#twins) twin.close();
    rmSync(this.#dir, { recursive: true });
  }

  /** a medium that holds the input */
  async medium(inputs: readonly Input[]): Promise<MemoryTransport> {
    for (const file of this.#files) rmSync(join(this.#dir, file), { force: true });
    const medium = openMemory();
    await feed(medium, this.#partitions, inputs);
    return medium;
  }

  go(transport: Transport, options: { signal?: AbortSignal; maxRecords?: number; commitEvery?: number; every?: number } = {}): Promise<RunProgress> {
    const { signal, maxRecords = 20, commitEvery = 10, every = 20 } = options;
    const kafka = { commitEvery } as Profile['transport']['kafka'];
    return run({
      plan: this.plan as Plan,
      profile: { ...defaultProfile, transport: { type: 'memory', partitions: this.#partitions, kafka }, checkpoint: { path: null, every } },
      dataDir: join(this.#dir, 'data'),
      untilEnd: signal === undefined,
      clock: systemClock,
      signal: signal ?? new AbortController().signal,
      onProgress: () => {},
      onEvent: () => {},
      transport,
      maxRecords,
    });
  }

  /** what stands on the medium */
  left(medium: MemoryTransport): Left {
    const all: Record<string, string[]> = {};
    for (const topic of this.#topics)
      all[topic] = everything(medium, topic)
        .flatMap(({ heartbeat, partition, value }) => (heartbeat ? [] : [`${partition} ${value}`]))
        .sort();
    for (const file of this.#files) all[file] = readFileSync(join(this.#dir, file), 'utf8').split('\n').sort();
    return all;
  }
}

async function feed(medium: MemoryTransport, partitions: number, inputs: readonly Input[]): Promise<void> {
  for (const topic of new Set(inputs.map((input) => input.topic))) {
    await medium.log.ensure(topic, partitions);
    const out = medium.log.appender(topic);
    for (const { partition, value } of inputs.filter((input) => input.topic === topic)) {
      let pos = out.begin(partition, systemClock.now(), Buffer.alloc(0), 0, -1);
      const bytes = Buffer.from(value);
      while (pos + bytes.length > out.buffer.length) pos = out.grow();
      out.buffer.set(bytes, pos);
      out.end(pos + bytes.length);
    }
    await out.flush();
  }
}

interface Seen {
  readonly partition: number;
  readonly heartbeat: boolean;
  readonly value: string;
  readonly writer: number;
  readonly seq: number;
}

function everything(medium: MemoryTransport, topic: string): Seen[] {
  const header = new HeaderReader();
  const seen: Seen[] = [];
  for (let partition = 0; partition < (medium.log.topic(topic)?.partitions ?? 0); partition++) {
    const reader = medium.log.reader(topic, partition, { offset: 0 });
    for (let view = reader.poll(1 << 20); view; view = reader.poll(1 << 20))
      for (let i = 0; i < view.count; i++) {
        if (!header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)) throw new Error('a record without a header of ours');
        const value = view.buffer.toString('utf8', view.valueStart[i], Math.max(view.valueStart[i] as number, view.valueEnd[i] as number));
        seen.push({ partition, heartbeat: header.heartbeat, value, writer: header.writer, seq: header.seq });
      }
  }
  return seen;
}

/** What of a topic's raw log is out of order: numbers that do not go up by one, or heartbeats that do not bear the number before them. */
export function disorder(medium: MemoryTransport, topic: string): string[] {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  for (const { partition, heartbeat, writer, seq } of everything(medium, topic)) {
    const key = `${topic}/${partition} of ${writer}`;
    const before = last.get(key) ?? 0;
    if (seq !== before + (heartbeat ? 0 : 1)) wrong.push(`${key}: ${heartbeat ? 'heartbeat ' : ''}${seq} behind ${before}`);
    if (!heartbeat) last.set(key, seq);
  }
  return wrong;
}

/** Dies at its n-th step, of those whose name begins with `aim`, for as many lives as are given; records what it died at. */
export class Deaths {
  readonly #lives: number[];
  readonly #random: Random;
  readonly #aim: string;
  #steps = 0;
  readonly died: string[] = [];

  constructor(lives: readonly number[], random: Random, aim = '') {
    this.#lives = [...lives];
    this.#random = random;
    this.#aim = aim;
  }

  readonly step = ({ what, place, done }: Step): number => {
    const where = `${done ? 'behind' : 'before'} ${what} ${place}`;
    if (this.#lives[0] !== undefined && where.startsWith(this.#aim) && ++this.#steps >= this.#lives[0]) {
      this.#lives.shift();
      this.#steps = 0;
      this.died.push(where);
      throw new Error(killed);
    }
    return this.#random.below(4);
  };
}

/** Runs to the end over owner after owner until one comes through. */
export async function survive(bench: Bench, medium: MemoryTransport, deaths: Deaths, options: Parameters<Bench['go']>[1] = {}): Promise<void> {
  for (;;) {
    try {
      await bench.go(openOwner(medium, deaths.step), options);
      return;
    } catch (error) {
      if ((error as Error).message !== killed) throw error;
    }
  }
}
