import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { MillraceError } from '@millrace/runtime/errors.ts';
import kafkajs, {
  type Admin,
  type Broker,
  type Cluster,
  CompressionTypes,
  type IHeaders,
  Kafka,
  type KafkaConfig,
  logLevel,
  type Message,
  type PartitionAssigner,
  type Producer,
  type ProducerConfig,
  type RecordMetadata,
  type SASLOptions,
  type Transaction,
} from 'kafkajs';
import type { ClientOptions } from '../client.ts';
import { inflate } from '../fast/library.ts';
import { onlyWholeAnswers } from './whole-answers.ts';

export type { Cluster, IHeaders, Message, Producer, RecordMetadata, Transaction };

/** The fence around kafkajs: what is asked of it, with the settings under which it is fast enough. */
export interface Library {
  readonly admin: Admin;
  /**
   * A view of the cluster with connections of its own, for fetching without a consumer group. kafkajs has no assignment without a group, but hands
   * this to whoever makes a partition assigner, so that is what asks for it; the consumer around it is never connected.
   * Ends of partitions are the last stable offsets in `committed`, the high watermarks in `all`.
   */
  readonly committed: Cluster;
  readonly all: Cluster;
  /** idempotent, or with `transactionalId` transactional; not connected yet. Partitions are the messages' own */
  producer(transactionalId?: string): Producer;
  /** connections that have ended so far */
  readonly ended: () => number;
  /** cuts the connections that are left: kafkajs ends none that still waits for an answer, however long that takes, and so would keep the process alive */
  readonly abandon: () => void;
}

/** longest pause between two tries of a send */
const LONGEST_PAUSE = 500;

/** what a request may take before its connection is given up */
const requestTimeout = (patience: number) => Math.min(30_000, Math.max(1000, patience));

export function openLibrary(options: ClientOptions): Library {
  quietTimers();
  addCodecs();
  const { brokers, clientId, tls, sasl, patience } = options;
  const quick = { initialRetryTime: 10, factor: 0.2, multiplier: 2, maxRetryTime: LONGEST_PAUSE };
  let ended = 0;
  let abandoned = false;
  const sockets = new Set<Socket>();
  const common: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    ...(sasl === null ? {} : { sasl: sasl as SASLOptions }),
    ...(tls === null ? {} : { ssl: given(tls) }),
    connectionTimeout: Math.min(3000, patience),
    requestTimeout: requestTimeout(patience),
    // kafkajs leaves Nagle's algorithm on, which costs 40 ms a request that is sent in parts
    socketFactory: ({ host, port, ssl, onConnect }) => {
      const socket = ssl
        ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
        : connectPlain({ host, port }, onConnect);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 60_000);
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        ended++;
      });
      if (abandoned) socket.destroy(new Error('abandoned'));
      return onlyWholeAnswers(socket);
    },
    logLevel: logLevel.NOTHING,
    logCreator: () => () => {},
  };
  // who calls from outside tries again until its patience is over
  const kafka = new Kafka({ ...common, retry: { ...quick, retries: 2 } });
  // a send that may have reached one broker and not another can only be repeated by kafkajs itself
  const stubborn = { ...quick, retries: Math.ceil(patience / LONGEST_PAUSE) + 8 };
  const producing = new Kafka({ ...common, retry: stubborn });
  return {
    admin: kafka.admin(),
    committed: clusterOf(kafka, clientId, false),
    all: clusterOf(kafka, clientId, true),
    ended: () => ended,
    abandon() {
      abandoned = true;
      for (const socket of sockets) socket.destroy(new Error('abandoned'));
    },
    producer(transactionalId) {
      const config: ProducerConfig = {
        idempotent: true,
        allowAutoTopicCreation: false,
        createPartitioner: () => (args) => args.message.partition ?? 0,
        retry: stubborn,
      };
      return producing.producer(transactionalId === undefined ? config : { ...config, transactionalId, maxInFlightRequests: 1 });
    },
  };
}

function clusterOf(kafka: Kafka, clientId: string, readUncommitted: boolean): Cluster {
  let cluster: Cluster | undefined;
  const assigner: PartitionAssigner = (given) => {
    cluster = given.cluster;
    return { name: 'none', version: 0, assign: async () => [], protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }) };
  };
  kafka.consumer({ groupId: `${clientId}.unused`, allowAutoTopicCreation: false, readUncommitted, partitionAssigners: [assigner] });
  if (cluster === undefined) throw new Error('kafkajs made no cluster');
  return cluster;
}

/** A broker to ask what any of them knows. */
export async function anyBroker(cluster: Cluster): Promise<Broker> {
  const nodes = cluster.getNodeIds();
  for (const node of nodes.slice(1)) {
    try {
      return await cluster.findBroker({ nodeId: String(node) });
    } catch {
      // another one may be up
    }
  }
  return cluster.findBroker({ nodeId: String(nodes[0]) });
}

/** TLS options without those that are not given */
function given(tls: NonNullable<ClientOptions['tls']>): { ca?: string; cert?: string; key?: string } {
  const { ca, cert, key } = tls;
  return { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) };
}

/** kafkajs has gzip alone; topics of others come compressed in other ways too. */
function addCodecs(): void {
  for (const type of [CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD] as const) {
    // not among the names that Node sees in a CommonJS module
    kafkajs.CompressionCodecs[type] = () => ({
      async decompress(bytes: Buffer): Promise<Buffer> {
        const found = inflate(type, bytes);
        if (found === null) throw new MillraceError('broker_refused', `A batch is compressed by codec ${type}, which this Node.js does not have.`);
        return found;
      },
    });
  }
}

let quiet = false;

/** kafkajs sets timers in the past, and Node says so on stderr: harmless, and nothing a user could mend. */
function quietTimers(): void {
  if (quiet) return;
  quiet = true;
  const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = (...args: unknown[]) => {
    if (args[1] !== 'TimeoutNegativeWarning') emit(...args);
  };
}
