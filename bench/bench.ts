/** `npm run bench [-- RECORDS ROUNDS]`: goal 10, throughput and latency of a keyed pipeline, embedded, what the analyzer adds, and training; prints one table. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { allocation } from './allocation.ts';
import { analyze } from './analyze.ts';
import { engineTax } from './engine-tax.ts';
import { fits } from './fit.ts';
import { latency } from './latency.ts';
import { type Cell, render } from './numbers.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
const [records = 1_000_000, rounds = 5] = process.argv.slice(2).map(Number);

console.log(`millrace ${version} · Node ${process.version} · ${availableParallelism()} × ${cpus()[0].model.trim()} · ${process.platform} ${process.arch}`);
console.log(`${records} payments of 200 B in one partition · ${rounds} rounds in turns · median [least … most] · embedded, fsync a commit, exactly once`);
const cells: Cell[] = [];
for (const part of [
  () => engineTax({ records, rounds }),
  () => allocation(records),
  latency,
  () => analyze({ records, rounds: Math.min(rounds, 3) }),
  () => fits({ rows: records, rounds: Math.min(rounds, 3) }),
])
  cells.push(...(await part()));
process.stdout.write(render(cells));
