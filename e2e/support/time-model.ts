/** Event time by brute force: what the contract says of each step, recomputed from lists of rows with no state worth the name. */

export type Fields = Record<string, unknown>;
export type Dated = { readonly row: Fields; readonly t: number };
/** A record, a watermark that has come, or `END`. */
type Event = Dated | number;
export interface Flow {
  readonly events: Event[];
  readonly late: Dated[];
}

/** The end of a run's input: everything open fires once and stays, and no watermark moves. */
const END = Number.POSITIVE_INFINITY;

/** A source over one or several runs: each record, and behind it the watermark it moves. */
export function source(runs: readonly (readonly Fields[])[], outOfOrder: number): Flow {
  const events: Event[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  for (const rows of runs) {
    for (const row of rows) {
      const t = row.t as number;
      events.push({ row, t });
      if (t - outOfOrder - 1 > watermark) {
        watermark = t - outOfOrder - 1;
        events.push(watermark);
      }
    }
    events.push(END);
  }
  return { events, late: [] };
}

/** Sources that one task reads: the earliest head goes first, ties in order of declaration, and the least watermark counts. */
export function merged(inputs: readonly { readonly rows: readonly Fields[]; readonly outOfOrder: number }[]): Flow {
  const events: Event[] = [];
  const own = inputs.map(({ rows }) => ({ next: 0, watermark: rows.length === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY }));
  let watermark = Number.NEGATIVE_INFINITY;
  for (;;) {
    const heads = inputs.map(({ rows }, i) => (rows[own[i].next]?.t ?? Number.POSITIVE_INFINITY) as number);
    const first = heads.indexOf(Math.min(...heads));
    if (heads[first] === Number.POSITIVE_INFINITY) break;
    const row = inputs[first].rows[own[first].next++];
    events.push({ row, t: row.t as number });
    own[first].watermark = Math.max(own[first].watermark, (row.t as number) - inputs[first].outOfOrder - 1);
    const least = Math.min(...own.map((one) => one.watermark));
    if (least <= watermark) continue;
    watermark = least;
    events.push(watermark);
  }
  return { events: [...events, END], late: [] };
}

export function each(flow: Flow, change: (row: Fields) => readonly Fields[]): Flow {
  return {
    events: flow.events.flatMap((event): Event[] => (typeof event === 'number' ? [event] : change(event.row).map((row) => ({ row, t: event.t })))),
    late: [],
  };
}

export function rowsOf(flow: Flow): Fields[] {
  return flow.events.filter((event) => typeof event !== 'number').map(({ row }) => row);
}

const keyOf = (row: Fields, key: readonly string[]): string => JSON.stringify(key.map((name) => row[name]));
const pick = (row: Fields, names: readonly string[]): Fields => Object.fromEntries(names.map((name) => [name, row[name]]));

export interface WindowOptions {
  readonly key: readonly string[];
  readonly size: number;
  readonly every?: number;
  readonly offset?: number;
  readonly lateness?: number;
  readonly onUpdate?: boolean;
}

export function window(flow: Flow, options: WindowOptions, select: (records: readonly Dated[]) => Fields): Flow {
  const { key, size, every = size, offset = 0, lateness = 0, onUpdate = false } = options;
  const open = new Map<string, { key: string; start: number; records: Dated[]; fired: boolean }>();
  const events: Event[] = [];
  const late: Dated[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  const fire = ({ start, records }: { start: number; records: Dated[] }): void => {
    const row = { ...pick(records[0].row, key), ...select(records), window_start: start, window_end: start + size };
    events.push({ row, t: start + size - 1 });
  };
  for (const event of flow.events) {
    if (typeof event === 'number') {
      const due = [...open.values()].filter((one) => !one.fired && one.start + size - 1 <= event).sort((a, b) => a.start - b.start);
      for (const one of due) {
        one.fired = true;
        if (!onUpdate) fire(one);
      }
      events.push(event);
      if (event === END) continue;
      for (const [name, one] of open) if (one.start + size - 1 + lateness <= event) open.delete(name);
      watermark = event;
      continue;
    }
    const { t, row } = event;
    const starts: number[] = [];
    for (let start = Math.floor((t - offset) / every) * every + offset; start > t - size; start -= every) starts.unshift(start);
    const live = starts.filter((start) => start + size - 1 + lateness > watermark);
    if (live.length === 0 && starts.length > 0) late.push(event);
    for (const start of live) {
      const name = `${keyOf(row, key)} ${start}`;
      const one = open.get(name) ?? { key: name, start, records: [], fired: start + size - 1 <= watermark };
      open.set(name, one);
      one.records.push(event);
      if (onUpdate || one.fired) fire(one);
    }
  }
  return { events, late };
}

export interface RollingOptions {
  readonly key: readonly string[];
  readonly range?: number;
  readonly tumbling?: number;
  readonly delay?: number;
  readonly lateness?: number;
  readonly onWatermark?: boolean;
}

export function rolling(flow: Flow, options: RollingOptions, add: (past: readonly Dated[]) => Fields): Flow {
  const { key, range = 0, tumbling, delay = 0, lateness = 3_600_000, onWatermark = false } = options;
  const past = new Map<string, Dated[]>();
  const events: Event[] = [];
  const late: Dated[] = [];
  let held: Dated[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  const answer = (record: Dated): void => {
    const { row, t } = record;
    const name = keyOf(row, key);
    const own = past.get(name) ?? [];
    past.set(name, [...own, record]);
    const inside = [...own, record].filter((other) =>
      tumbling === undefined ? other.t > t - delay - range && other.t <= t - delay : other.t >= Math.floor(t / tumbling) * tumbling && other.t <= t,
    );
    events.push({ row: { ...row, ...add(inside) }, t });
  };
  for (const event of flow.events) {
    if (typeof event !== 'number') {
      if (event.t < watermark - ((tumbling ?? range) + delay + lateness)) late.push(event);
      else if (onWatermark && event.t > watermark) held.push(event);
      else answer(event);
      continue;
    }
    const due = held.filter(({ t }) => t <= event).sort((a, b) => a.t - b.t);
    held = held.filter(({ t }) => t > event);
    for (const record of due) answer(record);
    if (event !== END) watermark = event;
    events.push(event);
  }
  return { events, late };
}

/** `memory`: how far behind the watermark a passed record is still known. */
export function dedupe(flow: Flow, key: readonly string[], within: number, memory = 2 * within): Flow {
  const passed = new Map<string, number[]>();
  let watermark = Number.NEGATIVE_INFINITY;
  const events = flow.events.filter((event) => {
    if (typeof event === 'number') {
      if (event !== END) watermark = event;
      return true;
    }
    const name = keyOf(event.row, key);
    const times = passed.get(name) ?? [];
    if (times.some((t) => t > watermark - memory && Math.abs(t - event.t) < within)) return false;
    passed.set(name, [...times, event.t]);
    return true;
  });
  return { events, late: [] };
}

const numbers = (records: readonly Dated[], name: string): number[] => records.map(({ row }) => row[name]).filter((v): v is number => typeof v === 'number');
const sum = (values: readonly number[]): number | null => (values.length === 0 ? null : values.reduce((a, b) => a + b, 0));

export const agg = {
  count: (records: readonly Dated[]) => records.length,
  sum: (records: readonly Dated[], name: string) => sum(numbers(records, name)),
  avg: (records: readonly Dated[], name: string) => {
    const values = numbers(records, name);
    return values.length === 0 ? null : (sum(values) as number) / values.length;
  },
  min: (records: readonly Dated[], name: string) => (numbers(records, name).length === 0 ? null : Math.min(...numbers(records, name))),
  max: (records: readonly Dated[], name: string) => (numbers(records, name).length === 0 ? null : Math.max(...numbers(records, name))),
  distinct: (records: readonly Dated[], name: string) => new Set(records.map(({ row }) => row[name]).filter((v) => v !== null)).size,
  first: (records: readonly Dated[], name: string) => (records.length === 0 ? null : records.reduce((a, b) => (b.t < a.t ? b : a)).row[name]),
  last: (records: readonly Dated[], name: string) => (records.length === 0 ? null : records.reduce((a, b) => (b.t >= a.t ? b : a)).row[name]),
};

/** Rows as sorted text, numbers to ten digits: equal exactly when the multisets are. */
export function bag(rows: readonly Fields[]): string[] {
  return rows
    .map((row) => JSON.stringify(row, (_, value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(10)) : value)))
    .sort();
}
