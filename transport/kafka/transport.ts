import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Clock } from '@millrace/runtime/clock.ts';
import type { ProcessId } from '../embedded/process.ts';
import type { Transport } from '../log.ts';
import type { Joining, Parts } from '../parts.ts';
import { Arrivals } from './arrivals.ts';
import type { ClientOptions, KafkaClient, KafkaSettings, Place } from './client.ts';
import { joinGroup, type Membership } from './group/membership.ts';
import { KafkaLog, LEDGER_META } from './kafka-log.ts';
import { KafkaLedger, LEDGER_CONFIG } from './ledger.ts';
import { LedgerCopy } from './ledger-copy.ts';
import { openClient } from './open-client.ts';
import { OwnerTransport } from './owner.ts';
import type { Shared } from './shared.ts';

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
  /** topics that the host writes, the ledger aside (default: none): a stopped broker may have left its last transaction open there */
  readonly written?: readonly string[];
  /** whether records leave before a commit (default: no) */
  readonly immediate?: boolean;
  /** of the ledger's topic, if it is created */
  readonly partitions: number;
  /** tells who of this machine still has a copy of the ledger (default: the operating system) */
  readonly alive?: (process: ProcessId) => boolean;
}

/** ms of silence after which what a process had goes to others */
const SESSION = 10_000;
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

const ledgerOf = (pipeline: string): string => `${pipeline}.ledger`;

/** All partitions of what a host writes, as far as it is there. */
function placesOf({ pipeline, written = [] }: KafkaOptions, log: KafkaLog): Place[] {
  return [ledgerOf(pipeline), ...written].flatMap((topic) =>
    Array.from({ length: log.topic(topic)?.partitions ?? 0 }, (_, partition) => ({ topic, partition })),
  );
}

/** What a process has of a pipeline on Kafka: one client, one log, one copy of the ledger, for all that it owns. */
class Process {
  readonly #options: KafkaOptions;
  readonly #connected: Connected;
  readonly #copy: LedgerCopy;
  readonly #shared: Shared;

  private constructor(options: KafkaOptions, connected: Connected, copy: LedgerCopy, ledger: KafkaLedger) {
    this.#options = options;
    this.#connected = connected;
    this.#copy = copy;
    const { client, arrivals, log } = connected;
    this.#shared = { client, arrivals, log, ledger, now: () => options.clock.now() };
  }

  static async open(options: KafkaOptions): Promise<Process> {
    const { dataDir, pipeline, host, partitions, clock } = options;
    const connected = await connect(options, options.clientId ?? host);
    const { client, arrivals, log } = connected;
    const topic = ledgerOf(pipeline);
    const session = sessionOf(host, clock.now());
    let copy: LedgerCopy | null = null;
    try {
      const there = (await client.topics([topic])).get(topic) ?? partitions;
      await log.ensure(topic, there, LEDGER_META, LEDGER_CONFIG);
      copy = await LedgerCopy.open(dataDir, host, session, options.alive);
      const ledger = new KafkaLedger({ client, arrivals, topic, partitions: there, copy, now: () => clock.now(), patience: LEDGER_PATIENCE });
      await ledger.open(session, (records) => client.producer.append(records));
      return new Process(options, connected, copy, ledger);
    } catch (error) {
      await copy?.close();
      await connected.close();
      throw error;
    }
  }

  get kind(): 'kafka' {
    return 'kafka';
  }

  get log(): KafkaLog {
    return this.#shared.log;
  }

  get ledger(): KafkaLedger {
    return this.#shared.ledger;
  }

  async part(slot: number | null): Promise<Transport> {
    const { host, clock, immediate = false } = this.#options;
    const id = slot === null ? host : `${host}.${slot}`;
    const producer = await this.#shared.client.transactional(id, placesOf(this.#options, this.log));
    // what others have under way in the partitions of their own tasks is not waited for
    const caughtUp = () => this.ledger.catchUp(slot ?? 0);
    await caughtUp();
    return new OwnerTransport(this.#shared, id, sessionOf(id, clock.now()), producer, immediate ? caughtUp : null);
  }

  async join({ group, slots, topics, plan, instance, onEvent }: Joining): Promise<Membership> {
    const { settings, dataDir, host, patience } = this.#options;
    // a process that comes back has the same copy of the ledger as before; threads of one have one each
    const { number } = this.#copy;
    const place = `${hostname()} ${resolve(dataDir)} ${number}`;
    const mine = createHash('sha256').update(place).digest('hex').slice(0, 12);
    const named = number === 1 ? instance : `${instance}.${number}`;
    return joinGroup({
      settings,
      group,
      clientId: host,
      instance: instance === null ? mine : named,
      slots,
      topics,
      plan,
      session: SESSION,
      ...(patience === undefined ? {} : { patience }),
      onEvent,
    });
  }

  async close(): Promise<void> {
    this.ledger.close();
    await this.#connected.close();
    await this.#copy.close();
  }
}

/**
 * The pipeline on Kafka as a process sees it that owns nothing yet: to read, and to take over parts of.
 * Throws `MillraceError` broker_unreachable, authentication_failed, tls_failed, not_authorized, unknown_topic, partition_count_changed, and what the data directory can fail with.
 */
export function openKafka(options: KafkaOptions): Promise<Parts> {
  return Process.open(options);
}
