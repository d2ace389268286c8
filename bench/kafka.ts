/**
 * `npm run bench:kafka [-- RECORDS ROUNDS [ROWS]]`: draining a topic and record latency on a real broker of this machine, by the ways that a profile chooses between; prints one table.
 * ROWS: those whose names hold one of these words, such as `immediate` or `drain:immediate,latency:immediate` (names: `drain:…` and `latency:…`, see DRAINED and TIMED).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from './child.ts';
import { type Drained, Drains, logOf, PARTITIONS, profileFile, type Way } from './drain.ts';
import { openLoop, quantiles } from './latency.ts';
import { type Cell, median, percentile, render, spread } from './numbers.ts';
import { payment } from './records.ts';

const [recordsWanted = '2000000', roundsWanted = '3', rows = ''] = process.argv.slice(2);
const records = Number(recordsWanted);
const rounds = Number(roundsWanted);

const way = (client: Way['client'], visibility: Way['visibility'], commitEvery = 100, threads = 1, pipeline: Way['pipeline'] = 'windowed'): Way => ({
  client,
  visibility,
  commitEvery,
  threads,
  pipeline,
});
const nameOf = ({ client, visibility, commitEvery, threads, pipeline }: Way) =>
  `${client}, ${visibility}${visibility === 'immediate' && commitEvery === 100 ? '' : `, commit_every ${commitEvery}ms`}${threads > 1 ? `, ${threads} threads` : ''}${pipeline === 'keyed' ? ', rolling too' : ''}`;

const IMMEDIATE = way('fast', 'immediate');
const TIMED_GOAL = way('fast', 'immediate', 100, 1, 'keyed');
const TWO_THREADS = way('fast', 'immediate', 100, 2);
/** What a death of it repeats is settled by snapshots alone, as with at_least_once: nothing is noted within a run this short. */
const UNNOTED = way('fast', 'immediate', 30_000);
const wanted = (ways: Readonly<Record<string, Way>>): Way[] =>
  Object.entries(ways).flatMap(([name, by]) => (rows.split(',').some((word) => name.includes(word)) ? [by] : []));
const DRAINED = wanted({
  'drain:immediate': IMMEDIATE,
  'drain:two-threads': TWO_THREADS,
  'drain:unnoted': UNNOTED,
  'drain:rolling': way('fast', 'immediate', 100, 1, 'keyed'),
  'drain:transactional': way('fast', 'transactional'),
  'drain:kafkajs': way('kafkajs', 'transactional'),
});
const TIMED = wanted({
  'latency:immediate': TIMED_GOAL,
  'latency:transactional-20': way('fast', 'transactional', 20, 1, 'keyed'),
  'latency:transactional-100': way('fast', 'transactional', 100, 1, 'keyed'),
  'latency:kafkajs-20': way('kafkajs', 'transactional', 20, 1, 'keyed'),
  'latency:kafkajs-100': way('kafkajs', 'transactional', 100, 1, 'keyed'),
});
const LATENCY_RATE = 10_000;
/** the broker too has compiled most of its code by then; before it has, its compiler takes half a core and more */
const WARM_SECONDS = 60;
const WARM_DRAINS = 3;

async function latency(by: Way): Promise<Cell> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  const broker = await startBroker();
  try {
    const { log, close } = await logOf(broker);
    const profile = profileFile(dir, broker, by, 1);
    const outputs = [{ topic: 'payments.enriched', has: (text: string) => !text.includes('"amount":0,') }];
    const place = { log, close, profile };
    const [sorted] = await openLoop({ pipeline: `pipelines/${by.pipeline}.yaml`, rate: LATENCY_RATE, warmSeconds: WARM_SECONDS, outputs, place });
    const goal = by === TIMED_GOAL;
    return {
      what: `${nameOf(by)}: latency at ${LATENCY_RATE} rec/s, p50 / p99 / worst, ms`,
      value: quantiles(sorted),
      goal: goal ? 'p50 ≤ 3, p99 ≤ 20' : '',
      met: goal ? percentile(sorted as Float64Array, 0.5) <= 3 && percentile(sorted as Float64Array, 0.99) <= 20 : null,
    };
  } finally {
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** All ways in turns, on one broker and one topic, once it is warm. */
async function drainAll(): Promise<Map<Way, Drained[]>> {
  const drained = new Map<Way, Drained[]>(DRAINED.map((by) => [by, []]));
  if (DRAINED.length === 0) return drained;
  const drains = await Drains.open(records);
  try {
    for (let warm = 0; warm < WARM_DRAINS; warm++) await drains.run(TWO_THREADS);
    for (let round = 0; round < rounds; round++) for (const by of DRAINED) drained.get(by)?.push(await drains.run(by));
  } finally {
    await drains.close();
  }
  return drained;
}

/** How fast this machine is just now, which changes within the hour by a third and more: payments parsed as JSON, thousands a second. */
function speed(): number {
  const text = payment(0, 0, 0);
  const times = Array.from({ length: 5 }, () => {
    const begun = performance.now();
    for (let i = 0; i < 200_000; i++) JSON.parse(text);
    return 200_000 / (performance.now() - begun);
  });
  return Math.round(Math.max(...times));
}

const cells: Cell[] = [];
const speeds = [speed()];
const drained = await drainAll();
const rateOf = (by: Way): number => median((drained.get(by) ?? []).map(({ rate }) => rate));
for (const [by, runs] of drained) {
  const goal = by === IMMEDIATE;
  const cpus = runs.map(({ cpu }) => cpu);
  cells.push(
    { what: `${nameOf(by)}: drain, CPU-s per million records`, value: spread(cpus), goal: goal ? '≤ 3' : '', met: goal ? median(cpus) <= 3 : null },
    {
      what: `${nameOf(by)}: drain, rec/s`,
      value: `${Math.round(rateOf(by) / 1000)}k`,
      goal: goal ? '≥ 350k' : '',
      met: goal ? rateOf(by) >= 350_000 : null,
    },
    {
      what: `${nameOf(by)}: drain, resident memory at its highest, MB`,
      value: median(runs.map(({ peakMb }) => peakMb)).toFixed(0),
      goal: '',
      met: null,
    },
  );
}
/** What a way gains over another, round by round: neighbours in time, as the machine is not equally fast from one minute to the next. */
function gain(what: string, over: Way, under: Way, goal: number): void {
  const [many, few] = [drained.get(over), drained.get(under)];
  if (many === undefined || few === undefined) return;
  const gains = many.map(({ rate }, round) => rate / (few[round] as Drained).rate);
  cells.push({ what, value: spread(gains), goal: `≥ ${goal}`, met: median(gains) >= goal });
}

gain('two threads against one', TWO_THREADS, IMMEDIATE, 1.4);
gain('exactly once against the same without notes, which is what at_least_once could save', IMMEDIATE, UNNOTED, 0.95);
const [alone, both] = [drained.get(IMMEDIATE), drained.get(TWO_THREADS)];
if (alone !== undefined && both !== undefined) {
  const busy = (runs: readonly Drained[]): string => `${(100 * median(runs.map((run) => run.busy))).toFixed(0)} %`;
  const what = `one and two threads: how busy this machine's ${cpus().length} cores were, broker and start-up included`;
  cells.push({ what, value: `${busy(alone)}, ${busy(both)}`, goal: '', met: null });
}
speeds.push(speed());
for (const by of TIMED) cells.push(await latency(by));
speeds.push(speed());
cells.push({ what: 'this machine: JSON.parse of a payment, thousands a second, before, between and after', value: speeds.join(', '), goal: '', met: null });
console.log(`${records} payments of 220 B in ${PARTITIONS} partitions · ${rounds} rounds in turns · median [least … most] · exactly once`);
process.stdout.write(render(cells));
