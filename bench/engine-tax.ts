import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finished, millrace, run } from './child.ts';
import { digest } from './digest.ts';
import { LOOPS } from './loops/codec.ts';
import { type Cell, median, spread } from './numbers.ts';
import { fill } from './records.ts';

export interface TaxSettings {
  readonly records: number;
  readonly rounds: number;
}

/** A pipeline and the loop that does the same. */
interface Work {
  readonly name: string;
  readonly pipeline: string;
  readonly loop: string;
  readonly topics: readonly string[];
}

const WORKS: readonly Work[] = [
  { name: 'stateless', pipeline: 'pipelines/stateless.yaml', loop: 'loops/stateless.ts', topics: ['payments.converted'] },
  { name: 'keyed', pipeline: 'pipelines/keyed.yaml', loop: 'loops/keyed.ts', topics: ['payments.enriched', 'card.minutes'] },
];

/** What the records of one run cost: CPU-seconds per million, and records a second of wall time */
interface Cost {
  readonly cpu: number;
  readonly rate: number;
}

type Timed = Finished & { readonly elapsedMs: number };
type Contender = (dir: string) => Promise<Timed>;

export const PROFILE = fileURLToPath(new URL('pipelines/profile.yaml', import.meta.url));

export function engine(pipeline: string, nodeFlags: readonly string[] = []): Contender {
  return (dir) => millrace(pipeline, ['--profile', PROFILE, '--data-dir', dir, '--until', 'end'], {}, nodeFlags);
}

export function loop(script: string, args: readonly string[], nodeFlags: readonly string[] = []): Contender {
  return async (dir) => {
    const finished = await run(script, [dir, ...args], {}, nodeFlags);
    const line = finished.stdout.split('\n').findLast((text) => text.startsWith('{"elapsedMs"')) as string;
    return { ...finished, ...(JSON.parse(line) as { elapsedMs: number }) };
  };
}

/**
 * What the engine costs against a loop written by hand (the fastest of several, found in a round of its own), and against bare
 * consume and produce, on the same transport. They take turns, each on a fresh copy of the same directory; a run that finds
 * nothing left to do is taken off each, so what counts is what the records cost. Outputs that differ are an error.
 */
export async function engineTax(settings: TaxSettings): Promise<Cell[]> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const full = join(root, 'full');
    await fill(full, settings.records);
    const cells: Cell[] = [];
    for (const work of WORKS) cells.push(...(await tax(work, full, join(root, 'run'), settings)));
    return cells;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function tax({ name, pipeline, loop: script, topics }: Work, full: string, dir: string, { records, rounds }: TaxSettings): Promise<Cell[]> {
  const digests = new Set<string>();
  const cost = async (contender: Contender, outputs: readonly string[]): Promise<Cost> => {
    rmSync(dir, { recursive: true, force: true });
    cpSync(full, dir, { recursive: true });
    const worked = await contender(dir);
    const idle = await contender(dir);
    if (outputs.length > 0) digests.add(await digest(dir, outputs));
    return { cpu: (worked.cost.cpuMs - idle.cost.cpuMs) / 1000 / (records / 1e6), rate: (records * 1000) / worked.elapsedMs };
  };
  const trial: Cost[] = [];
  for (const kinds of LOOPS) trial.push(await cost(loop(script, kinds), topics));
  const fastest = trial.reduce((best, { cpu }, i) => (cpu < trial[best].cpu ? i : best), 0);
  const kinds = LOOPS[fastest];
  const engines: Cost[] = [];
  const loops: Cost[] = [];
  const copies: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    engines.push(await cost(engine(pipeline), topics));
    loops.push(await cost(loop(script, kinds), topics));
    copies.push(await cost(loop('loops/bare.ts', []), []));
  }
  if (digests.size !== 1) throw new Error(`${name}: the outputs differ, so nothing counts: ${[...digests].join(', ')}`);
  return [
    shown(`${name}: engine`, engines),
    ...LOOPS.filter((_, i) => i !== fastest).map((other) => shown(`${name}: loop, ${other.join(' + ')}`, [trial[LOOPS.indexOf(other)]])),
    shown(`${name}: loop, ${kinds.join(' + ')}`, loops),
    shown(`${name}: bare copy`, copies),
    against(`${name}: engine against the loop, CPU`, engines, loops, 0.7),
    against(`${name}: engine against the bare copy, CPU`, engines, copies, 0.5),
  ];
}

function shown(what: string, costs: readonly Cost[]): Cell {
  const rate = `${Math.round(median(costs.map((cost) => cost.rate)) / 1000)}k rec/s`;
  return { what, value: `${spread(costs.map(({ cpu }) => cpu))} CPU-s per million, ${rate}`, goal: '', met: null };
}

function against(what: string, engines: readonly Cost[], others: readonly Cost[], goal: number): Cell {
  const ratios = others.map(({ cpu }, round) => cpu / engines[round].cpu);
  return { what, value: spread(ratios), goal: `≥ ${goal}`, met: median(ratios) >= goal };
}
