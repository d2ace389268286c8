/** Event time from outside: every step against a model that recomputes everything from the input rows, in their order, by the contract. */
import { join } from 'node:path';
import { test } from 'vitest';
import { agree, everything, RISKS } from './support/time-cases.ts';
import { end, lines, place, records } from './support/time-pipelines.ts';

test.each([
  [1, '3s', 3000, 1],
  [2, '0s', 0, 2],
  [3, '500ms', 500, 3],
] as const)('every step agrees with the model, seed %i, out of order by %s', async (seed, text, outOfOrder, threads) => {
  const rows = records(seed, 2500);
  const { dir, pipeline, data } = place(`model-${seed}`, everything(text), {
    'in.jsonl': lines(rows),
    'risks.csv': RISKS,
    'threads.yaml': `parallelism: ${threads}\n`,
  });
  await end(pipeline, data, '--profile', join(dir, 'threads.yaml'));
  await agree(dir, data, [rows], outOfOrder);
});
