import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Appender, Commit, Fence, Ledger, Transport } from '@millrace/transport/log.ts';
import { type CommitWord, type Core, decodeWord, encodeWord, freshCore, type JobsWord, type Metadata, type OffsetsWord, type RunWord } from './words.ts';

/** words of batches that are kept, as Structured Streaming keeps them */
const KEPT = 100;

/** What a batch leaves behind it besides what it gives to the sinks. */
export interface BatchLeft {
  readonly core: Core;
  /** changed entries of the queries' states, by keys that `stateKey` makes */
  readonly state: Puts;
  /** by whole keys of the ledger: they stand before anyone hears of them */
  readonly models: Commit['puts'];
}

type Puts = (readonly [key: string, value: Uint8Array | null])[];

/**
 * Where in the ledger the analyzer of a pipeline keeps its things:
 *
 *     analyze/<pipeline>/metadata      the plan they belong to
 *                       /jobs          whose jobs these are, where batches are handed out
 *                       /run           the run to the end that is under way, or was last
 *                       /offsets/<N>   what batch N is
 *                       /core          how far things are, as of the last batch with results
 *                       /state/<query>/…  the same of the queries
 *                       /results/<N>/…  what each sink gets of batch N, until it has it
 *                       /commits/<N>   every sink has batch N
 */
export class CheckpointReader {
  readonly #ledger: Ledger;
  protected readonly prefix: string;

  constructor(ledger: Ledger, pipeline: string) {
    this.#ledger = ledger;
    this.prefix = prefixOf(pipeline);
  }

  #read<T>(name: string): T | null {
    const bytes = this.#ledger.get(this.prefix + name);
    return bytes === null ? null : decodeWord<T>(bytes);
  }

  #last<T>(words: string): T | null {
    let last: Uint8Array | null = null;
    for (const [, value] of this.#ledger.entries(`${this.prefix}${words}/`)) last = value;
    return last === null ? null : decodeWord<T>(last);
  }

  metadata(): Metadata | null {
    return this.#read('metadata');
  }

  /** null before the first coordinator */
  jobs(): JobsWord | null {
    return this.#read('jobs');
  }

  run(): RunWord | null {
    return this.#read('run');
  }

  /** the last batch that was decided */
  offsets(): OffsetsWord | null {
    return this.#last('offsets');
  }

  /** number of the last batch that all sinks have, −1 before the first */
  committed(): number {
    return this.#last<CommitWord>('commits')?.batch ?? -1;
  }

  /** as of the last batch with results: its number is in it */
  core(): Core {
    return this.#read('core') ?? freshCore();
  }

  *state(query: string): Iterable<readonly [key: string, value: Uint8Array]> {
    const prefix = `${this.prefix}${stateKey(query, '')}`;
    for (const [key, value] of this.#ledger.entries(prefix)) yield [key.slice(prefix.length), value];
  }

  /** what was taken of a batch for each sink and not yet committed */
  results(batch: number): Map<string, Uint8Array> {
    const prefix = `${this.prefix}results/${number(batch)}/`;
    return new Map([...this.#ledger.entries(prefix)].map(([key, value]) => [decodeURIComponent(key.slice(prefix.length)), value]));
  }
}

/** The same for whoever owns it. */
export class Checkpoint extends CheckpointReader {
  readonly #transport: Transport;
  readonly #fence: Fence | undefined;

  constructor(transport: Transport, pipeline: string, fence: Fence | undefined) {
    super(transport.ledger, pipeline);
    this.#transport = transport;
    this.#fence = fence;
  }

  /** `others`: whole keys of the ledger */
  async #commit(puts: Puts, more: Partial<Commit> = {}, others: Commit['puts'] = []): Promise<void> {
    const fence = this.#fence;
    const own = puts.map(([name, value]) => [this.prefix + name, value] as const);
    await this.#transport.commit({ appenders: [], puts: [...own, ...others], ...more, ...(fence ? { fence } : {}) });
  }

  /** `gone`: queries whose state is forgotten */
  writeMetadata(metadata: Metadata, gone: readonly string[]): Promise<void> {
    return this.#commit([['metadata', encodeWord(metadata)]], { deletePrefixes: gone.map((query) => `${this.prefix}${stateKey(query, '')}`) });
  }

  /** Whether another process owns the checkpoint by now: then a commit of what stands there already is refused. */
  async lost(): Promise<boolean> {
    const stands = this.metadata();
    try {
      if (stands !== null) await this.#commit([['metadata', encodeWord(stands)]]);
      return false;
    } catch (error) {
      return error instanceof MillraceError && error.code === 'fenced';
    }
  }

  /** The next epoch, taken by whoever owns the checkpoint. `identity`: of the checkpoint, when it has none yet. */
  async takeEpoch(identity: string): Promise<JobsWord> {
    const last = this.jobs();
    const word = { identity: last?.identity ?? identity, epoch: (last?.epoch ?? 0) + 1 };
    await this.#commit([['jobs', encodeWord(word)]]);
    return word;
  }

  writeRun(run: RunWord): Promise<void> {
    return this.#commit([['run', encodeWord(run)]]);
  }

  writeOffsets(word: OffsetsWord): Promise<void> {
    return this.#commit([
      [`offsets/${number(word.batch)}`, encodeWord(word)],
      ...(word.batch >= KEPT ? [[`offsets/${number(word.batch - KEPT)}`, null] as const] : []),
    ]);
  }

  /** `results`: what was taken for each sink */
  writeResults(left: BatchLeft, results: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const batch = number(left.core.batch);
    return this.#commit(
      [...leftPuts(left), ...[...results].map(([name, bytes]) => [`results/${batch}/${encodeURIComponent(name)}`, bytes] as const)],
      {},
      left.models,
    );
  }

  /** `run`: changes with the batch that ends it. `left`: of a batch whose results were not written before, as all of them go with this commit */
  writeCommit(word: CommitWord, appenders: readonly Appender[], run: RunWord | null, left: BatchLeft | null): Promise<void> {
    const { batch } = word;
    return this.#commit(
      [
        [`commits/${number(batch)}`, encodeWord(word)],
        ...(batch >= KEPT ? [[`commits/${number(batch - KEPT)}`, null] as const] : []),
        ...(run ? [['run', encodeWord(run)] as const] : []),
        ...(left ? leftPuts(left) : []),
      ],
      left ? { appenders } : { appenders, deletePrefixes: [`${this.prefix}results/`] },
      left?.models,
    );
  }
}

function prefixOf(pipeline: string): string {
  return `analyze/${encodeURIComponent(pipeline)}/`;
}

/** What the keys of the ledger begin with under which a query's state stands: the whole of them, for those who read a ledger without a transport. */
export function stateOf(pipeline: string, query: string): string {
  return `${prefixOf(pipeline)}${stateKey(query, '')}`;
}

function leftPuts({ core, state }: BatchLeft): Puts {
  return [['core', encodeWord(core)], ...state];
}

export function stateKey(query: string, key: string): string {
  return `state/${encodeURIComponent(query)}/${key}`;
}

/** sorts by bytes as the numbers do */
function number(batch: number): string {
  return String(batch).padStart(12, '0');
}
