import { MillraceError } from '@millrace/runtime/errors.ts';
import { HeaderReader } from '@millrace/shared-schemas/header.ts';
import type { Log } from '@millrace/transport/log.ts';
import type { TaskCore } from './core.ts';

/**
 * What of one writer stands in one topic already. Its task makes those records again, with the same numbers, and lets go of them: this is all that transactional
 * and immediate visibility differ in.
 */
export class Left {
  /** by partition, the highest number */
  readonly seqs: Float64Array;
  /** by partition, the last run whose end was told; −1: none */
  readonly runs: Float64Array;
  /** the furthest event time that readers were told of, with a record or by itself */
  watermark = Number.NEGATIVE_INFINITY;

  constructor(partitions: number) {
    this.seqs = new Float64Array(partitions);
    this.runs = new Float64Array(partitions).fill(-1);
  }

  /** What stands there is what the last commit counted. `output`: the id by which the records are numbered. */
  static committed(progress: TaskCore | null, output: string, partitions: number): Left {
    const left = new Left(partitions);
    for (const [p, seq] of (progress?.outputs[output]?.seqs ?? []).entries()) left.seqs[p] = seq;
    if (progress !== null) left.runs.fill(progress.ended ? progress.run : progress.run - 1);
    return left;
  }

  /** whether a task that has numbered up to `seqs` has yet to make something of it again */
  exceeds(seqs: readonly number[]): boolean {
    for (let p = 0; p < this.seqs.length; p++) if ((this.seqs[p] as number) > (seqs[p] ?? 0)) return true;
    return false;
  }
}

interface Wanted {
  /** offset from which on what left is to be found */
  from: number;
  readonly writers: Map<number, Left>;
}

const MAX_BYTES = 1 << 20;
const LOOK_MS = 100;
/** a transaction of somebody else may be open behind what is to be read; the broker ends that of a dead one after a minute */
const PATIENCE_MS = 90_000;

/**
 * Reads back what had left of many writers, each partition once: from the ends that their snapshots saved to where the log ends now. Whoever could still have
 * appended must be fenced before.
 */
export class ReadBack {
  readonly #log: Log;
  readonly #wanted = new Map<string, Map<number, Wanted>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What `writer` has in `topic`: `seqs` as of its snapshot, and what is found behind `ends` once `read` is done. */
  want(topic: string, writer: number, seqs: readonly number[], ends: readonly number[], partitions: number): Left {
    const left = new Left(partitions);
    const of = this.#wanted.get(topic) ?? new Map<number, Wanted>();
    this.#wanted.set(topic, of);
    for (let p = 0; p < partitions; p++) {
      left.seqs[p] = seqs[p] ?? 0;
      const from = ends[p] ?? 0;
      const wanted = of.get(p) ?? { from, writers: new Map<number, Left>() };
      of.set(p, wanted);
      wanted.from = Math.min(wanted.from, from);
      wanted.writers.set(writer, left);
    }
    return left;
  }

  /** `ends`: by topic, where its partitions end now. @throws MillraceError broker_unreachable */
  async read(ends: ReadonlyMap<string, readonly number[]>): Promise<void> {
    for (const [topic, partitions] of this.#wanted) {
      const reading = [...partitions].map(([p, wanted]) => this.#partition(topic, p, wanted, ends.get(topic)?.[p] ?? 0));
      await Promise.all(reading);
    }
  }

  async #partition(topic: string, partition: number, { from, writers }: Wanted, end: number): Promise<void> {
    // what retention has taken from the front stands there no more
    const start = Math.max(from, await this.#log.startOffset(topic, partition));
    if (start >= end) return;
    await readHeaders(this.#log, topic, partition, start, end, (header) => {
      const left = writers.get(header.writer);
      if (left !== undefined) found(left, partition, header);
    });
  }
}

/** Calls `each` with the header of every record of ours from `from` on, up to `end`. @throws MillraceError broker_unreachable */
export async function readHeaders(log: Log, topic: string, partition: number, from: number, end: number, each: (header: HeaderReader) => void): Promise<void> {
  const header = new HeaderReader();
  const reader = log.reader(topic, partition, { offset: from });
  try {
    for (let waited = 0; ; waited += LOOK_MS) {
      const since = log.version();
      for (let view = reader.poll(MAX_BYTES); view !== null; view = reader.poll(MAX_BYTES)) {
        waited = 0;
        for (let i = 0; i < view.count; i++) if (header.read(view.buffer, view.headersStart[i] as number, view.headersEnd[i] as number)) each(header);
        view.release();
      }
      if (reader.position.offset >= end) return;
      if (waited >= PATIENCE_MS)
        throw new MillraceError(
          'broker_unreachable',
          `${topic}/${partition} could be read back up to offset ${reader.position.offset}, not to its end at ${end}: the broker does not answer, or a transaction is open.`,
        );
      await log.wait(LOOK_MS, since);
    }
  } finally {
    reader.close();
  }
}

function found(left: Left, partition: number, header: HeaderReader): void {
  if (header.watermark > left.watermark) left.watermark = header.watermark;
  // a heartbeat bears the number of the record before it
  left.seqs[partition] = Math.max(left.seqs[partition] as number, header.seq);
  if (header.heartbeat && header.kind === 'end') left.runs[partition] = Math.max(left.runs[partition] as number, header.run);
}
