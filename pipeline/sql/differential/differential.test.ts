import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checker, openChecker } from '../check.ts';
import type { Checked } from '../expr.ts';
import { allOverloads, comparedKinds, Draw, type Drawn } from './expressions.case.ts';
import { Bench, parts, sameOutcome } from './harness.case.ts';
import { columns } from './rows.case.ts';

/**
 * Generated expressions over generated rows, answered by the closures and by DuckDB: the same value, the same NULL, or both raise.
 * DuckDB is right. Doubles agree bit for bit, but for the C library's functions: 1e-12 relative.
 */
const seed = Number(process.env.MILLRACE_DIFFERENTIAL_SEED ?? 20_260_101);
const rowCount = Number(process.env.MILLRACE_DIFFERENTIAL_ROWS ?? 40);
const randomCount = Number(process.env.MILLRACE_DIFFERENTIAL_RANDOM ?? 150);
const perEntry = 2;

/** At least one expression for every entry of the language, then any. */
function drawAll(): readonly Drawn[] {
  const draw = new Draw(seededRandom(seed, 1));
  const drawn: Drawn[] = [];
  const several = (count: number, make: () => Drawn) => {
    for (let i = 0; i < count; i++) drawn.push(make());
  };
  for (const [name, overload] of allOverloads) {
    // millrace's own functions are not DuckDB's
    if (name === 'mask' || name === 'hmac') continue;
    several(perEntry, () => draw.call(name, overload, 0));
    several(1, () => draw.call(name, overload, 1));
  }
  for (const kind of comparedKinds) {
    for (const sign of ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM']) several(1, () => draw.comparison(1, sign, [kind, kind]));
    several(perEntry, () => draw.between(1, [kind, kind]));
    several(perEntry, () => draw.within(1, [kind, kind]));
    several(perEntry, () => draw.caseOf(kind, 1));
    for (const name of ['coalesce', 'ifnull', 'nullif']) several(1, () => draw.choice(name, kind, 1));
    for (const to of comparedKinds) {
      several(1, () => draw.cast(kind, to, 0, false));
      several(1, () => draw.cast(kind, to, 1, true));
    }
  }
  for (const sign of ['+', '-', '*', '/', '//', '%']) several(8, () => draw.arithmetic(1, sign));
  several(10, () => draw.conjunction(2, 'AND'));
  several(10, () => draw.conjunction(2, 'OR'));
  several(10, () => draw.isNull(2));
  for (const kind of comparedKinds) several(Math.ceil(randomCount / comparedKinds.length), () => draw.of(kind, 3));
  return drawn;
}

describe('differential', () => {
  let checker: Checker;
  let bench: Bench;
  beforeAll(async () => {
    checker = await openChecker();
    bench = await Bench.open(seededRandom(seed, 0), rowCount);
  });
  afterAll(() => {
    checker.close();
    bench.close();
  });

  it('answers as DuckDB does', { timeout: 120_000 }, async () => {
    const seen = new Map<string, number>();
    const short = new Set<string>();
    const refusals: string[] = [];
    const accepted: { drawn: Drawn; checked: Checked }[] = [];
    for (const drawn of drawAll()) {
      const result = await checker.scalar(drawn.sql, columns);
      if (result.ok) {
        accepted.push({ drawn, checked: result.checked });
        parts(result.checked.tree, (part, name) => {
          seen.set(part, (seen.get(part) ?? 0) + 1);
          short.add(name);
        });
        continue;
      }
      // what we refuse for its types, DuckDB refuses as well
      const theirs = await bench.duckdb.query(`DESCRIBE SELECT ${drawn.reference} FROM t`).then(
        ({ rows }) => rows[0][1] as string,
        () => null,
      );
      if (theirs !== null) refusals.push(`${drawn.sql}: ${result.flaw.message} (DuckDB: ${theirs})`);
    }
    const differences: string[] = [];
    let pairs = 0;
    let raised = 0;
    const step = 24;
    for (let i = 0; i < accepted.length; i += step) {
      const batch = accepted.slice(i, i + step);
      const theirs = await bench.answers(batch.map(({ drawn }) => drawn.reference));
      for (const [j, { drawn, checked }] of batch.entries()) {
        const ours = bench.own(checked);
        for (const [id, outcome] of theirs[j].entries()) {
          pairs++;
          if ('raised' in outcome) raised++;
          if (!sameOutcome(drawn, outcome, ours[id])) {
            differences.push(`${drawn.sql} on row ${id}: DuckDB ${show(outcome)}, ours ${show(ours[id])}`);
            break;
          }
        }
      }
    }
    const missing = allOverloads.filter(([name, overload]) => name !== 'mask' && name !== 'hmac' && !short.has(overload.fn)).map(([, overload]) => overload.fn);
    report(seen, pairs, raised, accepted.length);
    expect(differences).toEqual([]);
    expect(refusals).toEqual([]);
    expect(missing).toEqual([]);
    expect(pairs).toBeGreaterThanOrEqual(10_000);
  });
});

function show(outcome: object): string {
  return JSON.stringify(outcome, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

function report(seen: ReadonlyMap<string, number>, pairs: number, raised: number, expressions: number): void {
  const lines = [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([part, count]) => `${part} ×${count}`);
  console.log(`seed ${seed}: ${expressions} expressions, ${pairs} pairs, ${raised} raised; ${seen.size} entries by type:\n${lines.join(' · ')}`);
}
