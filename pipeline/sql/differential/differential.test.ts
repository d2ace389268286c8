import { seededRandom } from '@millrace/runtime/random.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checker, openChecker } from '../check.ts';
import type { Checked } from '../expr.ts';
import { allOverloads, castable, comparedKinds, Draw, type Drawn } from './expressions.case.ts';
import { Bench, type Outcome, parts, sameOutcome } from './harness.case.ts';
import { columns } from './rows.case.ts';

/**
 * Generated expressions over generated rows, answered by the closures and by DuckDB: the same value, the same NULL, or both raise.
 * DuckDB is right. Doubles agree bit for bit, but for the C library's functions: 1e-12 relative.
 */
const seed = Number(process.env.MILLRACE_DIFFERENTIAL_SEED ?? 20_260_101);
const rowCount = Number(process.env.MILLRACE_DIFFERENTIAL_ROWS ?? 40);
const randomCount = Number(process.env.MILLRACE_DIFFERENTIAL_RANDOM ?? 150);

/** Every overload but those of millrace's own functions, which DuckDB has not. */
const ours = allOverloads.filter(([name]) => name !== 'mask' && name !== 'hmac');

/** An entry of the language: what a checked tree calls it, and how to draw an expression that has it. */
type Entry = readonly [part: string, draw: (draw: Draw) => Drawn];

const signs = { eq: '=', ne: '<>', lt: '<', le: '<=', gt: '>', ge: '>=', distinct: 'IS DISTINCT FROM', not_distinct: 'IS NOT DISTINCT FROM' };

const entries: readonly Entry[] = [
  ...comparedKinds.flatMap((kind): readonly Entry[] => [
    ...Object.entries(signs).map(([fn, sign]): Entry => [`${fn}(${kind}, ${kind})`, (draw) => draw.comparison(1, sign, [kind, kind])]),
    [`between(${kind}, ${kind}, ${kind})`, (draw) => draw.between(1, [kind, kind])],
    [`in(${kind}, ${kind}, ${kind}, ${kind})`, (draw) => draw.within(1, [kind, kind])],
    [`coalesce(${kind}, ${kind})`, (draw) => draw.choice('coalesce', kind, 1)],
    [`case ${kind}`, (draw) => draw.caseOf(kind, 1)],
    [`case ${kind}`, (draw) => draw.choice('nullif', kind, 1)],
    [`is_null(${kind})`, (draw) => draw.isNull(1, kind)],
    ...comparedKinds
      .filter((to) => to !== kind && castable(kind, to))
      .flatMap((to): readonly Entry[] => [
        [`cast ${kind} → ${to}`, (draw) => draw.cast(kind, to, 0, false)],
        [`cast ${kind} → ${to} safe`, (draw) => draw.cast(kind, to, 1, true)],
      ]),
  ]),
  ['and BOOLEAN', (draw) => draw.conjunction(2, 'AND')],
  ['or BOOLEAN', (draw) => draw.conjunction(2, 'OR')],
  ['not(BOOLEAN)', (draw) => draw.boolean(2)],
  ['is_null(LIST)', (draw) => draw.isNull(1, 'LIST')],
  ['struct_extract(STRUCT)', (draw) => draw.leaf('VARCHAR')],
  ['list_extract(LIST, BIGINT)', (draw) => draw.leaf('INTEGER')],
];

describe('differential', () => {
  let checker: Checker;
  let bench: Bench;
  let plain: Bench;
  beforeAll(async () => {
    checker = await openChecker();
    bench = await Bench.open(seededRandom(seed, 0), rowCount, true);
    plain = await Bench.open(seededRandom(seed, 0), rowCount, false);
  });
  afterAll(() => {
    checker.close();
    bench.close();
    plain.close();
  });

  it('answers as DuckDB does', { timeout: 120_000 }, async () => {
    const seen = new Map<string, number>();
    const named = new Set<string>();
    const refusals: string[] = [];
    const accepted: Accepted[] = [];
    const take = async (drawn: Drawn) => {
      const result = await checker.scalar(drawn.sql, columns);
      if (!result.ok) {
        const wrong = await wronglyRefused(bench, drawn, result.flaw.message);
        if (wrong !== null) refusals.push(wrong);
        return;
      }
      accepted.push({ drawn, checked: result.checked });
      parts(result.checked.tree, (part, name) => {
        seen.set(part, (seen.get(part) ?? 0) + 1);
        named.add(name);
      });
    };
    const draw = new Draw(seededRandom(seed, 1));
    // constants fold away and overloads are chosen by type, so some entries take several tries
    const until = async (met: () => boolean, least: number, make: () => Drawn) => {
      for (let tries = 0; tries < least || (tries < 60 && !met()); tries++) await take(make());
    };
    for (const [name, overload] of ours) {
      await until(
        () => named.has(overload.fn),
        2,
        () => draw.call(name, overload, 0),
      );
      await take(draw.call(name, overload, 1));
    }
    for (const [part, make] of entries)
      await until(
        () => seen.has(part),
        1,
        () => make(draw),
      );
    for (let i = 0; i < randomCount; i++) await take(draw.of(comparedKinds[i % comparedKinds.length], 3));

    const differences: string[] = [];
    let raised = 0;
    const step = 24;
    for (let i = 0; i < accepted.length; i += step) {
      const batch = accepted.slice(i, i + step);
      const theirs = await bench.answers(batch.map(({ drawn }) => drawn.reference));
      for (const [j, { drawn, checked }] of batch.entries()) {
        const own = bench.own(checked);
        raised += theirs[j].filter((outcome) => 'raised' in outcome).length;
        const differs = (outcome: Outcome, id: number) => !sameOutcome(drawn, outcome, own[id]);
        if (!theirs[j].some(differs)) continue;
        const [asWritten] = await plain.answers([drawn.reference]);
        const id = theirs[j].findIndex((outcome, at) => differs(outcome, at) && differs(asWritten[at], at));
        if (id >= 0) differences.push(`${drawn.sql} on row ${id}: DuckDB ${show(theirs[j][id])}, ours ${show(own[id])}`);
      }
    }
    const pairs = accepted.length * rowCount;
    process.stdout.write(`seed ${seed}: ${accepted.length} expressions, ${pairs} pairs, ${raised} raised; ${seen.size} entries by type\n`);
    expect(differences).toEqual([]);
    expect(refusals).toEqual([]);
    expect(ours.map(([, overload]) => overload.fn).filter((fn) => !named.has(fn))).toEqual([]);
    expect(entries.map(([part]) => part).filter((part) => !seen.has(part))).toEqual([]);
    expect(pairs).toBeGreaterThanOrEqual(10_000);
  });
});

interface Accepted {
  readonly drawn: Drawn;
  readonly checked: Checked;
}

/** What we refuse for its types, DuckDB refuses as well; but for a constant below the least HUGEINT, which no type here holds. */
async function wronglyRefused(bench: Bench, drawn: Drawn, message: string): Promise<string | null> {
  if (message.includes('UHUGEINT')) return null;
  try {
    const { rows } = await bench.duckdb.query(`DESCRIBE SELECT ${drawn.reference} FROM t`);
    return `${drawn.sql}: ${message} (DuckDB: ${rows[0][1]})`;
  } catch {
    return null;
  }
}

function show(outcome: object): string {
  return JSON.stringify(outcome, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}
