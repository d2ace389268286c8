/**
 * Real input: the Fraud Detection Handbook's raw transactions through `pipeline.yaml` by the command, then the same features in SQL
 * in another process. `npm run handbook -- FILE`, or HANDBOOK=FILE; skipped without the file, which is not ours to ship.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { millrace, type Run, run } from '../child.ts';
import { type Cell, render } from '../numbers.ts';
import { type Comparison, disagreement } from './compare.ts';

/** records per CPU-second of the whole process, start included: on one core the wall can do no better */
const GOAL = 100_000;

function speed({ cost, recordsIn, elapsedMs }: Run): Cell[] {
  const perCpuSecond = recordsIn / (cost.cpuMs / 1000);
  return [
    { what: 'records', value: recordsIn.toLocaleString('en'), goal: '', met: null },
    { what: 'records a CPU-second', value: Math.round(perCpuSecond).toLocaleString('en'), goal: `≥ ${GOAL.toLocaleString('en')}`, met: perCpuSecond >= GOAL },
    { what: 'records a second, wall', value: Math.round(recordsIn / (elapsedMs / 1000)).toLocaleString('en'), goal: '', met: null },
    { what: 'CPU-seconds per million', value: (cost.cpuMs / 1000 / (recordsIn / 1e6)).toFixed(2), goal: '', met: null },
    { what: 'peak memory, MB', value: cost.peakMb.toFixed(0), goal: '', met: null },
  ];
}

async function verify(file: string): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-handbook-'));
  try {
    const done = await millrace('handbook/pipeline.yaml', ['--data-dir', join(root, 'data'), '--until', 'end'], { HANDBOOK: file, OUT: root });
    console.log(render(speed(done)));
    const { stdout } = await run('handbook/recompute.ts', [file, join(root, 'features.csv')]);
    const found = JSON.parse(stdout) as Comparison;
    const wrong = disagreement(found);
    console.log(`${found.sql} rows of 2018-07-25 to 2018-08-14 against DuckDB: ${wrong ?? 'all agree but for ties'}`);
    console.log(`same-second ties of one customer: ${found.tied} rows, ${found.tiedDiffering} of them differ`);
    return wrong === null ? 0 : 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const file = process.argv[2] ?? process.env.HANDBOOK;
if (file === undefined || file === '') console.log("skipped: no file. `npm run handbook -- FILE` takes the Handbook's raw simulated transactions as Parquet.");
else if (!existsSync(file)) console.log(`skipped: ${file} does not exist`);
else process.exitCode = await verify(resolve(file));
