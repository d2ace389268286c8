import type { NodePlan } from '@millrace/pipeline/plan.ts';
import { rowMaker } from '@millrace/shared-schemas/row.ts';
import type { Row, Value } from '@millrace/shared-schemas/types.ts';
import { createOperator, type StepPlan } from './create.ts';
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
    return this.watermark(t - this.outOfOrder - 1);
  }

  /** Moves the watermark; it never goes back. */
  watermark(to: number): this {
    if (to <= this.time.watermark) return this;
    this.fireUpTo(to);
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
    this.operator.snapshot?.(
      {
        put: (key, value) => {
          if (!/^[\x21-\x7e]{1,64}$/.test(key)) throw new Error(`not a short printable key: ${key}`);
          this.stored.set(key, value);
        },
        delete: (key) => this.stored.delete(key),
      },
      false,
    );
    return this;
  }

  /** A crash right after a snapshot: a new operator, restored. */
  restart(): this {
    this.snapshot();
    this.operator = createOperator(this.node, this.context);
    this.operator.restore?.([...this.stored].sort(([a], [b]) => (a < b ? -1 : 1)));
    return this;
  }

  /** The whole state, as it would be saved, in key order. */
  dump(): [key: string, hex: string][] {
    const entries: [string, string][] = [];
    const writer: StateWriter = {
      put: (key, value) => entries.push([key, Buffer.from(value).toString('hex')]),
      delete: () => {},
    };
    this.operator.snapshot?.(writer, true);
    return entries.sort(([a], [b]) => (a < b ? -1 : 1));
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
