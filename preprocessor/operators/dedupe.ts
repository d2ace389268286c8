import type { DedupePlan } from '@millrace/pipeline/plan.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { keyWriter } from '@millrace/shared-schemas/keys.ts';
import type { Row } from '@millrace/shared-schemas/types.ts';
import { Expiry } from './expiry.ts';
import { Gradual, type Slices } from './gradual.ts';
import type { Operator, OperatorContext, StateWriter } from './operator.ts';
import { insertSorted, upperBound } from './sorted.ts';

interface Seen {
  readonly id: number;
  readonly text: string;
  /** event times of the records that passed, ascending; less than 2·within behind the watermark */
  readonly times: number[];
  due: number;
  dirty: boolean;
}

/**
 * Lets a record pass unless one of its key passed with an event time less than `within` away, before or after it. Repeats do not
 * extend anything. A time is forgotten when the watermark is 2·within past it, so a record up to `within` late is judged exactly.
 *
 * State: `n` next id · `k<id>` due, key, times.
 */
export function createDedupe(node: DedupePlan, context: OperatorContext): Operator {
  const keys = keyWriter(node.key);
  const { next, time } = context;
  const { within } = node;
  const seen = new Map<string, Seen>();
  const expiry = new Expiry<Seen>(2 * within);
  let nextId = 0;
  let dirty: Seen[] = [];
  let gone: string[] = [];
  const gradual = new Gradual<Seen>();

  const change = (entry: Seen): void => {
    if (entry.dirty) return;
    entry.dirty = true;
    dirty.push(entry);
  };
  const forget = (entry: Seen, watermark: number): void => {
    const old = upperBound(entry.times, watermark - 2 * within);
    if (old === 0) return;
    entry.times.splice(0, old);
    change(entry);
  };

  return {
    process(row: Row): void {
      const text = keys.text(row);
      if (text === null) {
        context.flaw('null_key', `a key column of step ${node.id} is NULL`, row);
        return;
      }
      const t = time.eventTime;
      let entry = seen.get(text);
      if (entry === undefined) {
        if (t + 2 * within <= time.watermark) {
          next(row);
          return;
        }
        entry = { id: nextId++, text, times: [], due: 0, dirty: false };
        entry.due = expiry.add(entry, t + 2 * within);
        seen.set(text, entry);
      } else {
        gradual.touch(entry);
        forget(entry, time.watermark);
        // of the times that passed, one is within reach only if a neighbour is
        const { times } = entry;
        const after = upperBound(times, t);
        if (after > 0 && t - times[after - 1] < within) return;
        if (after < times.length && times[after] - t < within) return;
      }
      insertSorted(entry.times, t);
      change(entry);
      next(row);
    },
    nextTimer(): number {
      return time.ending ? Number.POSITIVE_INFINITY : expiry.next();
    },
    fire(at: number): void {
      for (const entry of expiry.take(at)) {
        gradual.touch(entry);
        forget(entry, at);
        const last = entry.times.at(-1);
        if (last !== undefined) {
          entry.due = expiry.add(entry, last + 2 * within);
          change(entry);
        } else {
          seen.delete(entry.text);
          gone.push(`k${entry.id}`);
          entry.dirty = false;
        }
      }
    },
    *snapshot(writer: StateWriter, all: boolean): Slices {
      for (const key of gone) writer.delete(key);
      const bytes = new ByteWriter();
      if (nextId > 0 && (all || dirty.length > 0)) {
        bytes.varint(nextId);
        writer.put('n', bytes.finish());
      }
      const save = (entry: Seen): void => {
        bytes.f64(entry.due);
        bytes.text(entry.text);
        for (const passed of entry.times) bytes.f64(passed);
        writer.put(`k${entry.id}`, bytes.finish());
      };
      if (all) {
        for (const entry of seen.values()) save(entry);
        return;
      }
      // one that went after it changed is in the list still
      const changed = new Set(dirty.filter((entry) => entry.dirty));
      dirty = [];
      gone = [];
      yield* gradual.write(changed, (entry) => {
        save(entry);
        entry.dirty = false;
      });
    },
    restore(entries): void {
      for (const [key, value] of entries) {
        const bytes = new ByteReader(value);
        if (key === 'n') {
          nextId = bytes.varint();
          continue;
        }
        const due = bytes.f64();
        const entry: Seen = { id: Number(key.slice(1)), text: bytes.text(), times: [], due, dirty: false };
        while (!bytes.done) entry.times.push(bytes.f64());
        seen.set(entry.text, entry);
        expiry.put(entry, due);
      }
    },
  };
}
