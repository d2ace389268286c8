import { createHash } from 'node:crypto';
import type { Clock } from '@millrace/runtime/clock.ts';
import { type ErrorCode, MillraceError } from '@millrace/runtime/errors.ts';
import { probe } from '@millrace/runtime/probe.ts';
import type { BatchAppender } from '../batchappender.ts';
import type { Commit, Fence, Transport } from '../log.ts';
import { Arrivals } from './arrivals.ts';
import type { ClientOptions, KafkaClient, KafkaSettings, TransactionalProducer } from './client.ts';
import { KafkaLog, LEDGER_META } from './kafka-log.ts';
import { KafkaLedger, LEDGER_CONFIG } from './ledger.ts';
import { LedgerCopy } from './ledger-copy.ts';
import { openClient } from './open-client.ts';

/** What it takes to reach the logs of a cluster. */
export interface KafkaLogSettings {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  /** whether topics that are not there are created (profile: transport.topics.create), and with how many replicas */
  readonly create: boolean;
  readonly replication: number;
  /** as brokers log it */
  readonly clientId?: string;
  /** ms for which a call tries again before it gives up (default: 30 s) */
  readonly patience?: number;
  /** bytes that one reader fetches ahead (default: 4 MiB) */
  readonly prefetch?: number;
  /** opens the client (default: the one that the settings name) */
  readonly open?: (options: ClientOptions) => Promise<KafkaClient>;
}

export interface KafkaOptions extends KafkaLogSettings {
  /** holds the copy of the ledger */
  readonly dataDir: string;
  /** names the ledger's topic, `<pipeline>.ledger` */
  readonly pipeline: string;
  /** the transactional id, such as `millrace.<pipeline>.preprocess.0`: one owner at a time; who opens it fences the one before */
  readonly host: string;
  /** of the ledger's topic, if it is created */
  readonly partitions: number;
  /**
   * Other hosts of the pipeline that are known to be gone, as they died with this one: what they had under way in the ledger is ended too. Otherwise
   * what lies behind it can be read only when they come back, or when the broker has given them up (a minute).
   */
  readonly gone?: readonly string[];
}

const PATIENCE = 30_000;
const PREFETCH = 4 * 1024 * 1024;
/** the broker ends the transactions of a dead process after a minute; a ledger that one holds back is waited for */
const LEDGER_PATIENCE = 90_000;

interface Connected {
  readonly client: KafkaClient;
  readonly arrivals: Arrivals;
  readonly log: KafkaLog;
  close(): Promise<void>;
}

async function connect(options: KafkaLogSettings, clientId: string): Promise<Connected> {
  const { settings, clock, create, replication, patience = PATIENCE, prefetch = PREFETCH, open = openClient } = options;
  const arrivals = new Arrivals();
  const client = await open({ ...settings, clientId, patience, prefetch, arrived: arrivals.notify });
  try {
    const log = await KafkaLog.open({ client, arrivals, now: () => clock.now(), create, replication, patience });
    const close = async () => {
      log.close();
      await client.close();
    };
    return { client, arrivals, log, close };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** The logs of a cluster alone, for commands that only read and append. */
export async function openKafkaLog(options: KafkaLogSettings): Promise<{ readonly log: KafkaLog; close(): Promise<void> }> {
  const { log, close } = await connect(options, options.clientId ?? 'millrace');
  return { log, close };
}

let opened = 0;

/** Tells this opening of a host from all others, of this host and of any: a host is opened by one process at a time, and that takes longer than a clock's tick. */
function sessionOf(host: string, now: number): string {
  return createHash('sha256').update(`${host} ${now} ${process.pid} ${opened++}`).digest('hex').slice(0, 16);
}

/**
 * The transport of one host of a pipeline on Kafka. Fences who had the host id before, ends what that one had under way, and brings the ledger's copy up to date.
 * A commit is one Kafka transaction. Once anything of it has failed the transport is of no use: what stands is found out by whoever opens it next.
 * Throws `MillraceError` broker_unreachable, authentication_failed, tls_failed, not_authorized, unknown_topic, partition_count_changed, and what the data directory can fail with.
 */
export async function openKafka(options: KafkaOptions): Promise<Transport> {
  const { dataDir, pipeline, host, partitions, clock } = options;
  const connected = await connect(options, options.clientId ?? host);
  const { client, arrivals, log } = connected;
  const topic = `${pipeline}.ledger`;
  const session = sessionOf(host, clock.now());
  let copy: LedgerCopy | null = null;
  try {
    const there = (await client.topics([topic])).get(topic) ?? partitions;
    await log.ensure(topic, there, LEDGER_META, LEDGER_CONFIG);
    for (const other of options.gone ?? []) await client.transactional(other);
    const producer = await client.transactional(host);
    copy = new LedgerCopy(dataDir, host, session);
    const ledger = new KafkaLedger({ client, arrivals, topic, partitions: there, copy, session, now: () => clock.now(), patience: LEDGER_PATIENCE });
    await ledger.open(async (records) => {
      await producer.append(records);
      await producer.commit();
    });
    return new KafkaTransport(connected, host, producer, ledger, copy);
  } catch (error) {
    await copy?.close();
    await connected.close();
    throw error;
  }
}

/** What one appender holds of a commit. */
interface Taken {
  readonly appender: BatchAppender;
  readonly batches: ReturnType<BatchAppender['take']>;
}

class KafkaTransport implements Transport {
  readonly kind = 'kafka';
  readonly log: KafkaLog;
  readonly ledger: KafkaLedger;
  readonly #connected: Connected;
  readonly #host: string;
  readonly #producer: TransactionalProducer;
  readonly #copy: LedgerCopy;
  #last: Promise<void> = Promise.resolve();
  #failure: { readonly code: ErrorCode; readonly cause: unknown } | null = null;
  #closed = false;

  constructor(connected: Connected, host: string, producer: TransactionalProducer, ledger: KafkaLedger, copy: LedgerCopy) {
    this.#connected = connected;
    this.#host = host;
    this.log = connected.log;
    this.#producer = producer;
    this.ledger = ledger;
    this.#copy = copy;
  }

  /** What the appenders hold when it is called is in the commit; they may be filled again at once. Commits follow one another. */
  commit(wanted: Commit): Promise<void> {
    let taken: Taken[];
    let kept: Commit;
    try {
      this.#usable();
      this.#check(wanted.fence);
      taken = (wanted.appenders as readonly BatchAppender[]).map((appender) => ({ appender, batches: appender.take() }));
      // whose buffers may be used again before these are written
      kept = { ...wanted, puts: wanted.puts.map(([key, value]) => [key, value === null ? null : new Uint8Array(value)]) };
    } catch (error) {
      return Promise.reject(error);
    }
    const done = this.#last.then(async () => {
      this.#usable();
      try {
        await this.#commit(kept, taken);
      } catch (cause) {
        const code = cause instanceof MillraceError ? cause.code : 'defect';
        const error = code === 'fenced' ? new MillraceError(code, `Another process has taken over ${this.#host}.`, { cause }) : cause;
        this.#failure ??= { code, cause: error };
        throw error;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  note(puts: Commit['puts'], fence?: Fence): void {
    this.#usable();
    this.#check(fence);
    this.ledger.note(puts);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    this.ledger.close();
    await this.#connected.close();
    await this.#copy.close();
  }

  async #commit(wanted: Commit, taken: readonly Taken[]): Promise<void> {
    const entries = this.ledger.records(wanted);
    const records = [...taken.flatMap(({ appender, batches }) => batches.map((of) => ({ topic: appender.topic, ...of }))), ...entries];
    if (records.length > 0) {
      await this.#producer.append(records);
      probe('kafka.appended');
      await this.#producer.commit();
      probe('kafka.committed');
    }
    this.ledger.written(wanted, entries);
    for (const { appender, batches } of taken) for (const of of batches) appender.giveBack(of.batches);
    await this.#truncate(wanted.truncate ?? []);
    this.#connected.arrivals.notify();
  }

  async #truncate(wanted: NonNullable<Commit['truncate']>): Promise<void> {
    const topics = new Map<string, Map<number, number>>();
    for (const { topic, partition, before } of wanted) {
      const of = topics.get(topic) ?? new Map<number, number>();
      topics.set(topic, of.set(partition, before));
    }
    for (const [topic, before] of topics) await this.#connected.client.deleteRecords(topic, before);
  }

  /** The transactional id fences for good; this is for what a fence says beyond that. */
  #check(fence: Fence | undefined): void {
    if (fence === undefined) return;
    const value = this.ledger.get(fence.key);
    const holds = value === null || fence.value === null ? value === fence.value : Buffer.compare(value, fence.value) === 0;
    if (!holds) throw new MillraceError('fenced', `Another process has taken ${fence.key}.`);
  }

  #usable(): void {
    if (this.#closed) throw new Error('the transport is closed');
    const { code, cause } = this.#failure ?? {};
    if (code !== undefined) throw new MillraceError(code, `The transport is of no use since an earlier commit failed: ${(cause as Error).message}`, { cause });
  }
}
