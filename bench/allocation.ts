import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engine, loop } from './engine-tax.ts';
import type { Cell } from './numbers.ts';
import { fill } from './records.ts';

const TRACE = ['--trace-gc'];
/** What a copy of the record would be: an object's head and a word for each of ten fields and two computed ones. */
const COPY_BYTES = 24 + 12 * 8;

/** Bytes allocated on V8's heap until the last collection: what the heap grew by from the end of one to the start of the next. */
function allocated(trace: string): number {
  let megabytes = 0;
  let after = 0;
  for (const [, from, to] of trace.matchAll(/(\d+\.\d) \(\d+\.\d\) -> (\d+\.\d) \(\d+\.\d\) MB/g)) {
    megabytes += Math.max(0, Number(from) - after);
    after = Number(to);
  }
  return megabytes * 2 ** 20;
}

/** Heap bytes a record, of the stateless pipeline and of the leanest loop that makes the same strings: a copied record would show. */
export async function allocation(records: number): Promise<Cell[]> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const full = join(root, 'full');
    await fill(full, records);
    const perRecord = async (contender: ReturnType<typeof engine>): Promise<number> => {
      const dir = join(root, 'run');
      rmSync(dir, { recursive: true, force: true });
      cpSync(full, dir, { recursive: true });
      const worked = allocated((await contender(dir)).stdout);
      return (worked - allocated((await contender(dir)).stdout)) / records;
    };
    const ours = await perRecord(engine('pipelines/stateless.yaml', TRACE));
    const theirs = await perRecord(loop('loops/stateless.ts', ['scan', 'own'], TRACE));
    return [
      { what: 'stateless: heap bytes a record, loop scan + own', value: theirs.toFixed(0), goal: '', met: null },
      {
        what: 'stateless: heap bytes a record, engine',
        value: ours.toFixed(0),
        goal: `< loop + ${COPY_BYTES}, a copy`,
        met: ours < theirs + COPY_BYTES,
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
