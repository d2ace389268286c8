import type { Position } from '@millrace/transport/log.ts';
import type { InputCore, TaskCore, WriterCore } from './core.ts';

const NEVER = Number.NEGATIVE_INFINITY;

/** Where every input begins. */
export const START: Position = { offset: 0, byte: 0 };

/** The core of a task that has done nothing. */
export function freshCore(): TaskCore {
  return { run: 0, ended: false, watermark: NEVER, inputs: [], outputs: {}, tables: {}, models: {}, born: NEVER };
}

/** An input of which nothing was read. */
export function freshInput(name: string): InputCore {
  return { name, offset: 0, base: START, spoken: false, idle: false, ended: false, watermark: NEVER, maxTime: NEVER, writers: [] };
}

/** Writers of which nothing was heard but, after an edit of the plan, what their predecessors had said. */
export function freshWriters(numbers: readonly number[], watermark: number): WriterCore[] {
  return numbers.map((writer) => ({ writer, seq: 0, watermark, idle: false, ended: 0 }));
}
