import type { NodePlan } from '@millrace/pipeline/plan.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import { expect } from 'vitest';
import { createOperator, type StepPlan } from './create.ts';
import { finish, type Slices } from './gradual.ts';
import type { ModelInForce, Operator, OperatorContext, StateWriter, TaskTime } from './operator.ts';

/** A record of a test's timeline; its position there is its lineage. */
export interface Arrival {
  readonly t: number;
  readonly row: { readonly [slot: string]: Value };
}

/** What came out of a step, in order. */
export type Emission =
  | { readonly kind: 'row'; readonly row: Row; readonly eventTime: number; readonly watermark: number; readonly offset: number }
  | { readonly kind: 'late'; readonly row: Row; readonly offset: number }
  | { readonly kind: 'flaw'; readonly code: string; readonly row: Row; readonly offset: number };

/** Test support: one step in a task of its own, which moves time as a task does, with a store that snapshots go to. */
export class Harness {
  readonly out: Emission[] = [];
  /** what snapshots have left */
  readonly stored = new Map<string, Uint8Array>();
  /** what a score step scores with */
  readonly model: ModelInForce = { model: null };
  readonly time: TaskTime = {
    eventTime: 0,
    watermark: Number.NEGATIVE_INFINITY,
    judged: Number.NEGATIVE_INFINITY,
    settled: Number.NEGATIVE_INFINITY,
    ending: false,
    origin: 0,
    originOffset: -1,
  };
  private readonly node: StepPlan;
  private readonly context: OperatorContext;
  private readonly outOfOrder: number;
  private readonly input: Row;
  private readonly rows: readonly Row[];
  private operator: Operator;
  /** a snapshot that is under way: what it has written, and how things stood when it began */
  private under: {
    readonly slices: Slices | null;
    readonly changes: Map<string, Uint8Array | null>;
    readonly began: readonly [string, string][] | null;
  } | null = null;

  /** `shapes`: slots of the row shapes that the node names; the input's is shape 0 */
  constructor(
    node: NodePlan,
    shapes: readonly (readonly string[])[],
    options: { readonly outOfOrder?: number; readonly tables?: { readonly [id: string]: ReadonlyMap<string, Row> } } = {},
  ) {
    this.node = node as StepPlan;
    this.outOfOrder = options.outOfOrder ?? 0;
    this.rows = shapes.map((slots) => rowMaker(slots)());
    this.input = this.rows[0];
    const { time, out } = this;
    this.context = {
      time,
      next: (row) => out.push({ kind: 'row', row: { ...row }, eventTime: time.eventTime, watermark: time.watermark, offset: time.originOffset }),
      row: (shape) => this.rows[shape],
      flaw: (code, _message, row) => out.push({ kind: 'flaw', code, row: { ...row }, offset: time.originOffset }),
      late: (row) => out.push({ kind: 'late', row: { ...row }, offset: time.originOffset }),
      table: (id) => options.tables?.[id] ?? new Map(),
      model: () => this.model,
    };
    this.operator = createOperator(this.node, this.context);
  }

  /** One record: judged against the watermark so far, processed, and then the watermark moves and fires what it passes. */
  feed({ t, row }: Arrival): this {
    const { time, input } = this;
    for (const slot of Object.keys(input)) input[slot] = row[slot] ?? null;
    time.eventTime = t;
    time.originOffset++;
    time.judged = time.watermark;
    time.settled = Number.NEGATIVE_INFINITY;
    this.operator.process(input);
    this.goOn();
    return this.watermark(t - this.outOfOrder - 1);
  }

  /** Moves the watermark; it never goes back. */
  watermark(to: number): this {
    if (to <= this.time.watermark) return this;
    this.fireUpTo(to);
    this.goOn();
    this.time.watermark = to;
    return this;
  }

  /** The input ends: everything open fires, and the watermark stays. */
  end(): this {
    this.time.ending = true;
    this.fireUpTo(Number.POSITIVE_INFINITY);
    this.time.ending = false;
    return this;
  }

  /** Saves what has changed. */
  snapshot(): this {
    this.begin(null);
    while (this.under !== null) this.goOn();
    return this;
  }

  /** Begins to save what has changed; what is fed goes on with it. When it is through, what is stored is to be how things stood then, `began`; null: that is not looked at. */
  begin(began: readonly [string, string][] | null = this.dump()): void {
    while (this.under !== null) this.goOn();
    const changes = new Map<string, Uint8Array | null>();
    const writer: StateWriter = {
      put: (key, value) => {
        if (!/^[\x21-\x7e]{1,64}$/.test(key)) throw new Error(`not a short printable key: ${key}`);
        changes.set(key, value);
      },
      delete: (key) => changes.set(key, null),
    };
    this.under = { slices: this.operator.snapshot?.(writer, false) ?? null, changes, began };
    this.goOn();
  }

  /** Goes on with the snapshot that is under way, by one entry. */
  private goOn(): void {
    if (this.under === null) return;
    const { slices, changes, began } = this.under;
    if (slices !== null && !slices.next().done) return;
    this.under = null;
    for (const [key, value] of changes) {
      if (value === null) this.stored.delete(key);
      else this.stored.set(key, value);
    }
    if (began === null) return;
    const read = createOperator(this.node, { ...this.context, time: { ...this.time } });
    read.restore?.(this.inOrder());
    expect(dumpOf(read)).toEqual(began);
  }

  private inOrder(): [string, Uint8Array][] {
    return [...this.stored].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** A crash right after a snapshot: a new operator, restored. */
  restart(): this {
    this.snapshot();
    this.operator = createOperator(this.node, this.context);
    this.operator.restore?.(this.inOrder());
    return this;
  }

  /** The whole state, as it would be saved, in key order. */
  dump(): [key: string, hex: string][] {
    return dumpOf(this.operator);
  }

  /** The rows that left. */
  get emitted(): Row[] {
    return this.out.flatMap((emission) => (emission.kind === 'row' ? [emission.row] : []));
  }

  private fireUpTo(limit: number): void {
    const { time } = this;
    const { eventTime, origin, originOffset } = time;
    for (;;) {
      const at = this.operator.nextTimer?.() ?? Number.POSITIVE_INFINITY;
      if (at > limit || at === Number.POSITIVE_INFINITY) break;
      time.eventTime = at;
      time.judged = Math.max(at - 1, time.watermark);
      time.settled = Number.NEGATIVE_INFINITY;
      this.operator.fire?.(at);
    }
    time.eventTime = eventTime;
    time.origin = origin;
    time.originOffset = originOffset;
  }
}

function dumpOf(operator: Operator): [string, string][] {
  const entries: [string, string][] = [];
  const slices = operator.snapshot?.({ put: (key, value) => entries.push([key, Buffer.from(value).toString('hex')]), delete: () => {} }, true);
  if (slices) finish(slices);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}
