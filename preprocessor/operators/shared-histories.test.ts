import type { FilterPlan, NodePlan, OutputPlan, RollingPlan, StagePlan } from '@millrace/pipeline/plan.ts';
import type { AggregateCall, Expr } from '@millrace/pipeline/sql/expr.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Column, Row, SqlType, Value } from '@millrace/shared-schemas/types.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildChain, type Chain } from '../task/chain.ts';
import { finish } from './gradual.ts';
import { type Event, calls as someCalls, timeline } from './harness-model.case.ts';
import { call, column, plain, rollingPlan } from './harness-plans.case.ts';
import type { TaskTime } from './operator.ts';
import { sharedHistories } from './shared-histories.ts';

const TINY: SqlType = { kind: 'TINYINT' };
const input: readonly Column[] = ['k', 'x', 'i'].map((slot) => ({ name: slot, slot, type: column(slot).type, nullable: true }));
const tiny = (arg: Expr): Expr => ({ op: 'cast', safe: false, arg, type: TINY });
const always: Expr = { op: 'literal', text: 'true', type: { kind: 'BOOLEAN' } };

/** Rolling steps s0, s1 … one behind the other; each call leaves in `<step>_<call>`. `strict`: its sum_i must fit a TINYINT. */
function chained(steps: readonly { plan: Partial<RollingPlan>; calls: readonly AggregateCall[]; strict?: boolean }[]): RollingPlan[] {
  let columns = input;
  return steps.map(({ plan, calls, strict }, i) => {
    const add = calls.map((own) => {
      const result: Expr = { op: 'column', slot: own.slot, type: own.type };
      const tree = strict && own.slot === 'sum_i' ? tiny(result) : result;
      return { slot: `s${i}_${own.slot}`, expr: { sql: '', type: tree.type, nullable: true, tree } };
    });
    columns = [...columns, ...add.map(({ slot, expr }) => ({ name: slot, slot, type: expr.type, nullable: true }))];
    return rollingPlan(calls, { id: `s${i}`, from: [i === 0 ? 'in' : `s${i - 1}`], add, columns, ...plan });
  });
}

/** The same with a filter before each step that lets everything pass, so that nothing is shared. */
function apart(steps: readonly RollingPlan[]): NodePlan[] {
  return steps.flatMap((step, i) => [
    {
      ...plain<FilterPlan>({ type: 'filter', where: { sql: '', type: always.type, nullable: false, tree: always } }),
      id: `f${i}`,
      from: step.from,
      columns: i === 0 ? input : steps[i - 1].columns,
    },
    { ...step, from: [`f${i}`] },
  ]);
}

function stageOf(nodes: readonly NodePlan[], outputs: readonly string[]): StagePlan {
  const slots = [...new Set(['k', 'x', 'i', ...nodes.flatMap(({ columns }) => columns.map(({ slot }) => slot))])];
  return {
    index: 0,
    id: 'stage',
    inputs: [{ kind: 'source', id: 'in', source: 0, shape: 0, columns: input }],
    shapes: [slots],
    nodes,
    outputs: outputs.map((from) => ({ id: `of ${from}`, kind: 'topic', from, onError: 'dead_letter' }) as unknown as OutputPlan),
  };
}

/** A task's chain in a world of its own: what leaves, in order, as texts, and what snapshots have left. */
class World {
  readonly out: string[] = [];
  private readonly stored = new Map<string, Map<string, Uint8Array>>();
  private readonly stage: StagePlan;
  private readonly outOfOrder: number;
  private readonly row: Row;
  private readonly time: TaskTime = {
    eventTime: 0,
    watermark: -1e9,
    judged: -1e9,
    settled: Number.NEGATIVE_INFINITY,
    ending: false,
    origin: 0,
    originOffset: 0,
  };
  private chain: Chain;

  constructor(stage: StagePlan, outOfOrder: number) {
    this.stage = stage;
    this.outOfOrder = outOfOrder;
    this.row = rowMaker(stage.shapes[0])();
    this.chain = this.build();
  }

  feed(t: number, row: { readonly [slot: string]: Value }): void {
    const { time } = this;
    Object.assign(this.row, row);
    time.eventTime = t;
    time.judged = time.watermark;
    this.chain.entry.get('in')?.(this.row);
    const to = t - this.outOfOrder - 1;
    if (to <= time.watermark) return;
    for (const [, operator] of this.chain.steps)
      for (let at = operator.nextTimer?.(); at !== undefined && at <= to; at = operator.nextTimer?.()) operator.fire?.(at);
    time.watermark = to;
  }

  /** A crash right behind a snapshot. */
  restart(): void {
    for (const [id, operator] of this.chain.steps) {
      const own = this.stored.get(id) ?? new Map<string, Uint8Array>();
      this.stored.set(id, own);
      const slices = operator.snapshot?.({ put: (entry, value) => own.set(entry, value), delete: (entry) => own.delete(entry) }, false);
      if (slices) finish(slices);
    }
    this.chain = this.build();
    for (const [id, operator] of this.chain.steps) operator.restore?.([...(this.stored.get(id) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  dump(): string[] {
    const all: string[] = [];
    const put = (id: string, entry: string, value: Uint8Array): unknown => all.push(`${id} ${entry} ${Buffer.from(value).toString('hex')}`);
    for (const [id, operator] of this.chain.steps) {
      const slices = operator.snapshot?.({ put: (entry, value) => put(id, entry, value), delete: () => {} }, true);
      if (slices) finish(slices);
    }
    return all.sort();
  }

  private tell(what: string, row: Row, columns: readonly Column[]): void {
    this.out.push([this.time.eventTime, what, ...columns.map(({ slot }) => `${slot}=${Object.is(row[slot], -0) ? 0 : row[slot]}`)].join(' '));
  }

  private build(): Chain {
    return buildChain(this.stage, {
      time: this.time,
      expressions: {},
      row: () => this.row,
      table: () => new Map(),
      model: () => ({ model: null }),
      deadLetter: (code, message, step, row, columns) => this.tell(`${code} at ${step}: ${message}`, row, columns),
      dropped: () => {},
      write: (output) => {
        const { columns } = this.stage.nodes.find(({ id }) => id === output.from) as NodePlan;
        return (row) => this.tell(output.id, row, columns);
      },
    });
  }
}

function play(world: World, events: readonly Event[], restarts: ReadonlySet<number>): World {
  events.forEach((event, i) => {
    if (event !== 'end') world.feed(event.t, event.row);
    if (restarts.has(i)) world.restart();
  });
  return world;
}

describe('which steps share a history', () => {
  const n = [call('n', 'count', [])];
  const sum = [call('n', 'count', []), call('sum_x', 'sum', ['x'])];
  const day = { range: { kind: 'range', size: 10 } } as const;
  const week = { range: { kind: 'range', size: 70 } } as const;
  const runs = (nodes: readonly NodePlan[]): string[] => sharedHistories({ nodes }).map((run) => run.map(({ id }) => id).join(' '));

  test('steps one behind the other that keep nothing the first does not', () => {
    expect(
      runs(
        chained([
          { plan: day, calls: sum },
          { plan: week, calls: sum },
          { plan: week, calls: n },
        ]),
      ),
    ).toEqual(['s0 s1 s2']);
    expect(
      runs(
        chained([
          { plan: day, calls: n },
          { plan: week, calls: sum },
          { plan: week, calls: n },
        ]),
      ),
    ).toEqual(['s0', 's1 s2']);
  });

  test.each<[string, Partial<RollingPlan>, Partial<RollingPlan>]>([
    ['the second is late for what the first takes', week, day],
    ['one waits for the watermark', { ...day, emit: 'on_watermark' }, week],
    ['the other does', day, { ...week, emit: 'on_watermark' }],
    ['another key', day, { ...week, key: [input[2]] }],
    ['not one behind the other', day, { ...week, from: ['in'] }],
  ])('not when %s', (_, first, second) => {
    expect(
      runs(
        chained([
          { plan: first, calls: sum },
          { plan: second, calls: sum },
        ]),
      ),
    ).toEqual(['s0', 's1']);
  });

  test('not when a result may fail before the last', () => {
    const sums = [call('sum_i', 'sum', ['i'], { type: { kind: 'HUGEINT' } })];
    const strict = [
      { plan: day, calls: sums },
      { plan: week, calls: sums, strict: true },
      { plan: week, calls: sums },
    ];
    expect(runs(chained(strict))).toEqual(['s0 s1', 's2']);
    const spread = [call('spread', 'stddev_samp', ['x'])];
    expect(
      runs(
        chained([
          { plan: day, calls: spread },
          { plan: week, calls: spread },
        ]),
      ),
    ).toEqual(['s0', 's1']);
  });

  test('not when another step reads the first before', () => {
    const steps = chained([
      { plan: day, calls: sum },
      { plan: week, calls: sum },
    ]);
    const other = { ...plain<NodePlan>({ type: 'flat_map', each: {}, slot: 'x' } as never), id: 'other', from: ['s0'] };
    expect(runs([steps[0], other, steps[1]])).toEqual(['s0', 's1']);
    expect(runs([steps[0], steps[1], other])).toEqual(['s0 s1']);
  });
});

describe('any chain of rolling steps', () => {
  const calls = [...someCalls.filter(({ slot }) => slot !== 'at_max'), call('tiny', 'max', ['i'], { args: [tiny(column('i'))], type: TINY })];
  const step = fc.record({
    plan: fc.record({
      range: fc.oneof(
        fc.record({ kind: fc.constant('range' as const), size: fc.integer({ min: 1, max: 30 }) }),
        fc.record({ kind: fc.constant('tumbling' as const), size: fc.integer({ min: 1, max: 20 }), offset: fc.integer({ min: 0, max: 2 }) }),
      ),
      delay: fc.constantFrom(0, 0, 5),
      allowedLateness: fc.constantFrom(0, 6, 50),
    }),
    calls: fc.subarray(calls, { minLength: 1 }),
    strict: fc.nat(4).map((n) => n === 0),
  });
  const lateness = ({ plan }: { plan: { range: { size: number }; delay: number; allowedLateness: number } }): number =>
    plan.range.size + plan.delay + plan.allowedLateness;

  test('leaves the same rows and dead letters as steps that share nothing, and recovers to the same state', () => {
    let shared = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 2, maxLength: 3 }),
        fc.boolean(),
        fc.subarray(['s0', 's1']),
        timeline,
        fc.integer({ min: 0, max: 8 }),
        fc.uniqueArray(fc.nat(60)),
        (drawn, ascending, taps, events, outOfOrder, restarts) => {
          // most chains as people write them: from the shortest to the longest, the first with everything
          const [first, ...rest] = ascending ? drawn.toSorted((a, b) => lateness(a) - lateness(b)) : drawn;
          const nodes = chained([ascending ? { ...first, calls, strict: false } : first, ...rest]);
          const outputs = [...new Set([...taps, `s${nodes.length - 1}`])];
          shared += sharedHistories({ nodes }).length < nodes.length ? 1 : 0;
          const together = play(new World(stageOf(nodes, outputs), outOfOrder), events, new Set());
          const separate = play(new World(stageOf(apart(nodes), outputs), outOfOrder), events, new Set());
          expect(together.out).toEqual(separate.out);
          const recovered = play(new World(stageOf(nodes, outputs), outOfOrder), events, new Set(restarts));
          expect(recovered.out).toEqual(together.out);
          expect(recovered.dump()).toEqual(together.dump());
        },
      ),
      { numRuns: 300 },
    );
    expect(shared).toBeGreaterThan(100);
  });
});
