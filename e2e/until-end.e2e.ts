/** Runs to the end of their input, one after the other: what a further record meets, and that no new input writes nothing. */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { agree, everything, RISKS } from './support/time-cases.ts';
import { dead, end, lines, place, records } from './support/time-pipelines.ts';

const outputs = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir)
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => [name, readFileSync(join(dir, name), 'utf8')]),
  );

test.each([
  [11, '3s', 3000],
  [12, '0s', 0],
] as const)('files that grow between runs, seed %i, out of order by %s', async (seed, text, outOfOrder) => {
  const rows = records(seed, 1800);
  const runs = [rows.slice(0, 700), rows.slice(700, 1200), rows.slice(1200)];
  const { dir, pipeline, data } = place(`grown-${seed}`, everything(text), { 'in.jsonl': '', 'risks.csv': RISKS });
  for (const run of runs) {
    appendFileSync(join(dir, 'in.jsonl'), lines(run));
    await end(pipeline, data);
  }
  await agree(dir, data, runs, outOfOrder);
  const before = { files: outputs(dir), letters: await dead(data) };
  await end(pipeline, data);
  expect({ files: outputs(dir), letters: await dead(data) }).toEqual(before);
});
