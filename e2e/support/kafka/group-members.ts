import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('group-process.ts', import.meta.url));
/** ms, on a machine that others use as well */
const WITHIN = 120_000;

/** What a member's process says, a line each. */
interface Line {
  readonly at: number;
  readonly assigned?: readonly number[];
  readonly generation?: number;
  readonly members?: number;
  readonly open?: number;
  readonly close?: number;
  readonly event?: string;
  readonly confirmed?: boolean;
  readonly blocked?: boolean;
  readonly failed?: string;
  readonly message?: string;
  readonly left?: boolean;
}

interface Interval {
  readonly who: string;
  readonly slot: number;
  readonly from: number;
  readonly to: number;
}

export async function until(what: string, holds: () => boolean): Promise<void> {
  for (const began = performance.now(); !holds(); await sleep(20)) if (performance.now() - began > WITHIN) throw new Error(`it did not come to this: ${what}`);
}

/** A process that is a member of a group (`group-process.ts`). */
export class MemberProcess {
  readonly name: string;
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #end: number | null = null;

  constructor(name: string, options: object) {
    this.name = name;
    this.#child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
    this.#gone = new Promise((resolve) =>
      this.#child.once('exit', () => {
        this.#end ??= Date.now();
        resolve();
      }),
    );
  }

  get ended(): boolean {
    return this.#end !== null;
  }

  /** the newest word of the group */
  get word(): Line | undefined {
    return this.lines.findLast(({ assigned }) => assigned !== undefined);
  }

  get assigned(): readonly number[] {
    return this.word?.assigned ?? [];
  }

  /** slots that it works on */
  get open(): number[] {
    const open = new Set<number>();
    for (const line of this.lines) {
      if (line.open !== undefined) open.add(line.open);
      if (line.close !== undefined) open.delete(line.close);
    }
    return [...open].sort((a, b) => a - b);
  }

  get closes(): number {
    return this.lines.filter(({ close }) => close !== undefined).length;
  }

  get failure(): Line | undefined {
    return this.lines.find(({ failed }) => failed !== undefined);
  }

  heard(event: string): boolean {
    return this.lines.some((line) => line.event === event);
  }

  /** from opening to giving up, or to its end */
  intervals(): Interval[] {
    const found: Interval[] = [];
    const since = new Map<number, number>();
    const end = (slot: number, to: number): void => {
      found.push({ who: this.name, slot, from: since.get(slot) as number, to });
      since.delete(slot);
    };
    for (const { at, open, close } of this.lines) {
      if (open !== undefined) since.set(open, at);
      if (close !== undefined) end(close, at);
    }
    for (const slot of [...since.keys()]) end(slot, this.#end ?? Number.POSITIVE_INFINITY);
    return found;
  }

  tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async leave(): Promise<void> {
    this.tell('leave');
    await this.#gone;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#gone;
  }

  async over(): Promise<void> {
    await this.#gone;
  }
}

/** Slots that two had at once, told in words; none in a group that works. */
export function overlaps(members: readonly MemberProcess[]): string[] {
  const all = members.flatMap((member) => member.intervals()).sort((a, b) => a.slot - b.slot || a.from - b.from);
  return all.flatMap((one, index) => {
    const before = all[index - 1];
    if (before === undefined || before.slot !== one.slot || before.to <= one.from) return [];
    return [`slot ${one.slot}: ${before.who} until ${before.to}, ${one.who} from ${one.from}`];
  });
}

/** Whether these have all slots, shared out evenly, and work on them; and know each other. */
export function shared(members: readonly MemberProcess[], slots: number): boolean {
  const counts = members.map(({ assigned }) => assigned.length);
  const all = members.flatMap(({ open }) => open);
  return (
    members.every((member) => member.word?.members === members.length && member.open.join() === member.assigned.join()) &&
    all.length === slots &&
    new Set(all).size === slots &&
    Math.max(...counts) - Math.min(...counts) <= 1
  );
}
