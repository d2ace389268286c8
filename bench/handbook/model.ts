/**
 * Real input through both stages: the Handbook's raw transactions through `model.yaml` by the command, the model judged by `model evaluate`, its
 * coefficients held against a solver of their own in another process, and the scores of the record path against the model.
 * `npm run handbook:model -- FILE`, or HANDBOOK=FILE; skipped without the file, which is not ours to ship.
 */
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { linearScore, parseModel } from '@millrace/shared-schemas/model.ts';
import { millrace, type Run, run } from '../child.ts';
import { render } from '../numbers.ts';
import { FEATURES } from './features.ts';
import { compared, type Published } from './published.ts';
import type { Solution } from './solve.ts';

const DAY = 86_400_000;
const BOUNDARY = Date.UTC(2018, 7, 8);
const TRAINED = { from: BOUNDARY - 14 * DAY, to: BOUNDARY - 7 * DAY };
const L2 = 1;
/** per standard deviation */
const CLOSE = 1e-6;
/** records that tasks may have taken on the boundary's day before their watermark reached it: the first ones of their inputs */
const BEFORE_THE_MODEL = 16;

const PIPELINE = fileURLToPath(new URL('model.yaml', import.meta.url));
const CLI = '../cli/bin/millrace.js';

/** as `model evaluate --json` prints it */
interface Evaluation extends Published {
  readonly hash: string;
  readonly boundary: number;
  readonly on: { readonly from: number; readonly to: number; readonly rows: number };
  readonly standardized: Readonly<Record<string, number>>;
}

function cost({ cost: { cpuMs, peakMb }, recordsIn, elapsedMs }: Run): string {
  return render(
    [
      { what: 'records', value: recordsIn.toLocaleString('en') },
      { what: 'records a second, wall', value: Math.round(recordsIn / (elapsedMs / 1000)).toLocaleString('en') },
      { what: 'CPU-seconds, both stages and training', value: (cpuMs / 1000).toFixed(1) },
      { what: 'peak memory, MB', value: peakMb.toFixed(0) },
    ].map((cell) => ({ ...cell, goal: '', met: null })),
  );
}

/** What is wrong with a model, one line each; the rest is printed. */
async function judged(file: string, evaluation: Evaluation): Promise<string[]> {
  const wrong: string[] = [];
  if (evaluation.boundary !== BOUNDARY) wrong.push(`the model judged is of ${new Date(evaluation.boundary).toISOString()}`);
  console.log(`${evaluation.on.rows.toLocaleString('en')} rows judged`);
  const { lines, met } = compared(evaluation);
  console.log(lines.join('\n'));
  if (!met) wrong.push('the metrics are not those published');
  const { stdout } = await run('handbook/solve.ts', [file, ...[TRAINED.from, TRAINED.to, 7 * DAY, L2].map(String)]);
  const solution = JSON.parse(stdout) as Solution;
  const apart = FEATURES.map((name, j) => Math.abs((evaluation.standardized[name] ?? Number.NaN) - solution.coefficients[j]));
  const most = Math.max(Math.abs((evaluation.standardized.intercept as number) - solution.intercept), ...apart);
  console.log(`coefficients per standard deviation, against Newton over DuckDB's features of ${solution.rows} rows: ${most.toExponential(1)} apart at most`);
  if (!(most <= CLOSE)) wrong.push(`the coefficients are more than ${CLOSE} apart`);
  return wrong;
}

/** The scores that rode on the bridge since the boundary, against the model's own, bit by bit. */
async function rescored(scored: string, text: string): Promise<string[]> {
  const model = parseModel(text);
  const features = new Float64Array(model.features.length);
  const counts = { equal: 0, other: 0, without: 0, early: 0 };
  for await (const line of createInterface({ input: createReadStream(scored) })) {
    const row = JSON.parse(line) as Record<string, number | null>;
    for (const [j, name] of model.features.entries()) features[j] = row[name] as number;
    if ((row.tx_datetime as number) < BOUNDARY) counts.early += row.score === null ? 0 : 1;
    else if (row.score === null) counts.without++;
    else if (row.score === linearScore(model, features)) counts.equal++;
    else counts.other++;
  }
  console.log(
    `scores in the record path: ${counts.equal} the model's to the last bit, ${counts.other} others, ${counts.without} taken before the model was in force`,
  );
  const wrong: string[] = [];
  if (counts.equal === 0 || counts.other > 0) wrong.push('scores of the record path are not those of the model');
  if (counts.without > BEFORE_THE_MODEL) wrong.push(`${counts.without} records have no score though the model was promoted before them`);
  if (counts.early > 0) wrong.push(`${counts.early} records have a score from before there was a model`);
  return wrong;
}

async function verify(file: string): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-handbook-'));
  try {
    const data = join(root, 'data');
    const env = { HANDBOOK: file, OUT: root };
    console.log(cost(await millrace('handbook/model.yaml', ['--data-dir', data, '--until', 'end'], env)));
    const model = async (...args: string[]): Promise<string> => (await run(CLI, ['model', ...args, '--data-dir', data, '--json'], env)).stdout;
    const evaluation = JSON.parse(await model('evaluate', PIPELINE)) as Evaluation;
    const scores = await rescored(join(root, 'scored.jsonl'), await model('show', PIPELINE, evaluation.hash));
    const wrong = [...(await judged(file, evaluation)), ...scores];
    console.log(wrong.length === 0 ? 'all as published' : `WRONG: ${wrong.join('; ')}`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const file = process.argv[2] ?? process.env.HANDBOOK;
if (file === undefined || file === '')
  console.log("skipped: no file. `npm run handbook:model -- FILE` takes the Handbook's raw simulated transactions as Parquet.");
else if (!existsSync(file)) console.log(`skipped: ${file} does not exist`);
else process.exitCode = await verify(resolve(file));
