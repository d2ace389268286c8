import { writeSync } from 'node:fs';

/**
 * Named points at which a test may kill this process from outside. `MILLRACE_PROBE=<point>:<hit>` makes the process say
 * `probe <point>` on stderr at that hit and stand still until somebody kills it; with `:stop` behind the hit it stops itself (SIGSTOP), and goes on
 * at SIGCONT. Without it a probe is one comparison.
 */
export const probePoints = [
  'run.started',
  'task.recovering',
  'batch.processed',
  'file.written',
  'batch.committed',
  'snapshot.before',
  'snapshot.after',
  'window.burst',
  'end.marked',
  'run.finished',
  'analyze.offsets',
  'analyze.trained',
  'analyze.results',
  'analyze.sink',
  'analyze.promoted',
  'analyze.committed',
] as const;
/** Points of those who work on jobs; they are in no run that hands none out. */
export const jobPoints = ['jobs.begun', 'jobs.worked', 'jobs.left', 'jobs.fitted'] as const;
/** Points inside of a commit on Kafka: all of it is sent, and all of it stands; they are in no run elsewhere. */
export const kafkaPoints = ['kafka.appended', 'kafka.committed'] as const;
/** Points of a process that shares a pipeline with others: it has taken over a slot, and has given one up. */
const slotPoints = ['slot.taken', 'slot.left'] as const;
/** Points of what leaves without a commit: the journal is durable before its records are sent, and records are acknowledged; they are in no run elsewhere. */
export const livePoints = ['kafka.noted', 'kafka.sent'] as const;
export type ProbePoint =
  | (typeof probePoints)[number]
  | (typeof jobPoints)[number]
  | (typeof kafkaPoints)[number]
  | (typeof livePoints)[number]
  | (typeof slotPoints)[number];

const [armed, hit, how] = (process.env['MILLRACE_PROBE'] ?? '').split(':');
let left = Number(hit ?? 1) || 1;

/** ms in which all threads of a process have stopped, on a busy machine too */
const STOPPED_WITHIN = 2000;
const standStill = (ms?: number): string => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

export function probe(point: ProbePoint): void {
  if (point !== armed || --left > 0) return;
  writeSync(2, `probe ${point}\n`);
  if (how === 'stop') {
    left = Number.POSITIVE_INFINITY;
    process.kill(process.pid, 'SIGSTOP');
    // another thread may take the signal: this one does nothing until it is stopped as well
    standStill(STOPPED_WITHIN);
  } else standStill();
}
