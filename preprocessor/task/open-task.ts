import type { Clock } from '@millrace/runtime/clock.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { FileMarker, FileStamp } from '@millrace/transport/connectors/stamp.ts';
import type { Appender, Commit } from '@millrace/transport/log.ts';
import type { SourceLineage } from '../lineage.ts';
import { type FileRecord, fileKey } from '../setup.ts';
import { SnapshotBudget } from '../snapshot-budget.ts';
import type { HostStats, Notice } from '../stats.ts';
import type { TaskCore } from './core.ts';
import { SourceInput, type TaskInput } from './inputs.ts';
import type { Journal } from './journal.ts';
import type { Policy } from './policy.ts';
import type { Cut, SavedEnds, TaskStore } from './store.ts';
import type { Task } from './task.ts';

/** What `assemble` hands over besides the task itself. */
export interface OpenTaskParts {
  readonly stage: string;
  readonly number: number;
  readonly task: Task;
  readonly journal: Journal;
  readonly store: TaskStore;
  readonly policy: Policy;
  readonly clock: Clock;
  /** the wall clock its output records are stamped with, set once a turn */
  readonly wall: { now: number };
  readonly pipeline: string;
  readonly files: readonly FileInput[];
  readonly lineage: SourceLineage;
  /** exchange topic by input index; null for a source */
  readonly exchanges: readonly (string | null)[];
  /** what has come up since the last drain */
  readonly notices: Notice[];
  /** output ids in the order of topics and files, for the statistics */
  readonly topicIds: readonly string[];
  readonly fileIds: readonly string[];
  /** what the last snapshot says of the outputs' ends; null: nothing */
  readonly saved: SavedEnds | null;
  /** who signs its records, which leave without a commit; null: they leave with one */
  readonly signedBy: number | null;
  /** by writer of the exchange that input `input` reads, where its topic ended at the writer's last snapshot; null: not known */
  readonly writersEnds: (input: number) => readonly (readonly number[] | null)[];
}

/** A file source this task reads, by its input. */
export interface FileInput {
  readonly index: number;
  readonly id: string;
  readonly marker: FileMarker;
  readonly stamp: FileStamp;
}

/** A live task with what its host needs: turns, commits, snapshots, statistics. */
export class OpenTask {
  readonly #parts: OpenTaskParts;
  /** told by the host what work and snapshots cost */
  readonly budget = new SnapshotBudget();
  #recordsIn = 0;
  #declared: boolean;
  snapshotAt: number;
  /** a batch or an entry is not in the last snapshot */
  unsaved: boolean;

  constructor(parts: OpenTaskParts, unsaved: boolean) {
    this.#parts = parts;
    this.unsaved = unsaved;
    this.#declared = parts.saved?.immediate ?? false;
    this.snapshotAt = parts.clock.monotonic();
  }

  get name(): string {
    return `${this.#parts.stage}.${this.#parts.number}`;
  }

  get core(): TaskCore {
    return this.#parts.task.parts.core;
  }

  /** called with each record before it is looked at and before it is taken; null: not careful any more */
  set careful(before: Policy['careful']) {
    this.#parts.policy.careful = before;
  }

  /** what it takes in one turn is little, and is to be committed before the next, so that a death says where it was */
  get wary(): boolean {
    return this.#parts.policy.wary;
  }

  get ended(): boolean {
    return this.core.ended && this.core.run === this.#parts.policy.run;
  }

  /** Takes what is ready; true when it did something. */
  turn(now: number, draining: boolean): boolean {
    const { policy, journal, wall, clock } = this.#parts;
    wall.now = clock.now();
    policy.draining = draining;
    const before = journal.length;
    policy.turn(now);
    if (journal.length === before) return false;
    this.unsaved = true;
    return true;
  }

  /** it makes again what had left: it tells nothing of event time, and saves nothing */
  get catchingUp(): boolean {
    return this.#parts.policy.catchingUp;
  }

  /** something was chosen since its last commit: it is to be durable before what comes of it leaves */
  get chosen(): boolean {
    return this.#parts.journal.chosen;
  }

  /** its last snapshot does not say that records leave without a commit: it is to before one does */
  get undeclared(): boolean {
    return this.#parts.signedBy !== null && !this.#declared;
  }

  /** Tells its readers how far event time is, with the next commit; true when there is something to tell. */
  speak(): boolean {
    const { task } = this.#parts;
    const { followed } = task.parts;
    if (!this.core.ended && !this.catchingUp) for (const output of followed) output.heartbeats(task.idle);
    return followed.some((output) => output.appender.pendingRecords > 0);
  }

  /** what it has made and not committed */
  get pendingBytes(): number {
    const { topics, exchanges } = this.#parts.task.parts;
    let bytes = 0;
    for (const { appender } of topics) bytes += appender.pendingBytes;
    for (const { appender } of exchanges) bytes += appender.pendingBytes;
    return bytes;
  }

  /** topics it writes */
  get topics(): Set<string> {
    return new Set(this.#appenders().map(({ topic }) => topic));
  }

  #appenders(): Appender[] {
    const { topics, exchanges, deadLetters } = this.#parts.task.parts;
    return [...topics, ...exchanges, deadLetters].map((output) => output.appender);
  }

  /** the appenders of what it has made and not committed */
  leaving(): Appender[] {
    return this.#appenders().filter((appender) => appender.pendingRecords > 0);
  }

  /** dead letters wait for their source records: `settle` before the next commit or snapshot */
  get unsettled(): boolean {
    return this.#parts.task.parts.deadLetters.unsettled;
  }

  settle(): Promise<void> {
    return this.#parts.task.parts.deadLetters.settle();
  }

  #flush(): Appender[] {
    for (const file of this.#parts.task.parts.files) if (file.flush()) probe('file.written');
    return this.leaving();
  }

  commit(): Commit {
    this.unsaved = true;
    return { appenders: this.#flush(), puts: [...this.#parts.store.batch(this.core, this.#parts.journal.drain()), ...this.#marks()] };
  }

  /**
   * Begins a commit that saves the state too, as it is now; what lies before it in the exchanges it reads is read by nobody again. `commit` is for when the slices
   * are through.
   */
  snapshot(now: number): { readonly slices: Cut['slices']; commit(): Commit } {
    const { task, store, journal, exchanges } = this.#parts;
    journal.drain();
    const appenders = this.#flush();
    this.snapshotAt = now;
    this.budget.begun();
    this.unsaved = false;
    const truncate = task.parts.inputs.flatMap((input, i) => {
      const topic = exchanges[i];
      return topic ? [{ topic, partition: this.#parts.number, before: this.#before(i, input.core.base.offset) }] : [];
    });
    const { slices, changes } = store.snapshot(this.core, task.parts.chain.steps);
    const marks = this.#marks();
    return { slices, commit: () => ({ appenders, truncate, ...changes, puts: [...changes.puts, ...marks] }) };
  }

  /** to be written with a snapshot: where the outputs end, all of it acknowledged that lies before the snapshot */
  ends(ends: SavedEnds['ends']): Commit['puts'][number] {
    const { store, signedBy } = this.#parts;
    this.#declared = signedBy !== null;
    return store.endsPut(signedBy === null ? { immediate: false, ends } : { immediate: true, ends, signedBy });
  }

  /** Up to where an exchange that was read up to `base` may be cut: what writers would read back must stay, and the last record, by which brokers know a writer. */
  #before(input: number, base: number): number {
    if (this.#parts.signedBy === null) return base;
    const ends = this.#parts.writersEnds(input).map((of) => of?.[this.#parts.number] ?? 0);
    return Math.max(0, Math.min(base - 1, ...ends));
  }

  /** what stood before the place each file was read to, so that a changed file is seen */
  #marks(): Commit['puts'] {
    const { files, pipeline, task } = this.#parts;
    return files.map(({ index, id, marker, stamp }) => {
      const input = task.parts.inputs[index] as TaskInput;
      const { byte } = input.core.base;
      // a file that is not read by byte (Parquet) must stay as it is
      const mark = marker.mark(byte ?? marker.size);
      return [fileKey(pipeline, id), Buffer.from(JSON.stringify({ stamp, mark } satisfies FileRecord))];
    });
  }

  addStats(stats: HostStats): void {
    const { task, topicIds, fileIds, notices } = this.#parts;
    stats.notices.push(...notices.splice(0));
    const { dropped } = task.parts;
    let recordsIn = 0;
    for (const input of task.parts.inputs) {
      if (!(input instanceof SourceInput)) continue;
      recordsIn += input.recordsIn;
      const end = input.reader.end();
      const source = input.core.name.slice(0, input.core.name.lastIndexOf('/'));
      const at = input.reader.position;
      const left = end.byte === undefined ? Math.max(0, end.offset - input.core.offset) : end.byte - (at.byte ?? 0);
      if (Number.isFinite(left)) stats.lag[source] = (stats.lag[source] ?? 0) + left;
    }
    stats.recordsIn += recordsIn - this.#recordsIn;
    this.#recordsIn = recordsIn;
    for (const [i, topic] of task.parts.topics.entries()) add(stats.out, topicIds[i] as string, topic.drainCount());
    for (const [i, file] of task.parts.files.entries()) add(stats.out, fileIds[i] as string, file.drainCount());
    for (const [code, count] of task.parts.deadLetters.counts) add(stats.dead, code, count);
    task.parts.deadLetters.counts.clear();
    stats.dropped += dropped.count;
    dropped.count = 0;
    const { watermark } = task.time;
    if (task.idle) stats.idleWatermark = Math.max(stats.idleWatermark, watermark);
    else stats.watermark = Math.min(stats.watermark, watermark);
  }

  close(): void {
    for (const input of this.#parts.task.parts.inputs) input.reader.close();
    for (const file of this.#parts.task.parts.files) file.close();
    for (const file of this.#parts.files) file.marker.close();
    this.#parts.lineage.close();
  }
}

function add(counts: Record<string, number>, name: string, count: number): void {
  counts[name] = (counts[name] ?? 0) + count;
}
