import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive } from '@millrace/runtime/locked.case.ts';
import { GuardedProcess } from '../guarded-process.ts';
import { freePorts } from '../ports.ts';
import { classPath, missing } from './jars.ts';

const run = promisify(execFile);

export interface BrokerOptions {
  /** server.properties beside, or instead of, those below */
  readonly properties?: Readonly<Record<string, string>>;
  /** brokers of the cluster; each is also a controller */
  readonly nodes?: number;
  /** options of the JVM, instead of those that start fast and take little memory */
  readonly jvm?: readonly string[];
  /** a listener's security, such as SASL_SSL; its settings go into `properties` as `listener.name.client.…` */
  readonly protocol?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** more arguments of `kafka-storage format`, such as --add-scram */
  readonly format?: readonly string[];
  /** the port of the loopback at which clients are told to find a node (0, 1, …), where that is not its own */
  readonly advertise?: (node: number) => number;
}

/** What can be done to one broker, or to all of a cluster. */
interface Power {
  /** SIGKILL */
  kill(): Promise<void>;
  /** an orderly end */
  stop(): Promise<void>;
  /** again, on the same data and port */
  start(): Promise<void>;
  /** SIGSTOP */
  pause(): void;
  /** SIGCONT */
  resume(): void;
}

export interface Broker extends Power {
  /** host:port of each, as clients are told */
  readonly brokers: string[];
  /** where each listens for clients */
  readonly ports: readonly number[];
  readonly nodes: readonly Power[];
  /** where each keeps its logs */
  readonly data: readonly string[];
  /** runs one of Kafka's own commands by its class, such as org.apache.kafka.tools.ConsoleProducer; gives its stdout */
  tool(main: string, args: readonly string[], input?: string | Uint8Array): Promise<string>;
  /** ends the brokers and removes their data */
  close(): Promise<void>;
}

const JVM = ['-Xms256m', '-Xmx768m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
const START_WITHIN = 90_000;

const LOGGING = `
rootLogger.level = INFO
rootLogger.appenderRefs = stdout
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
`;

/** A broker's directory, named for the process that it ends with. */
const HOME = 'millrace-kafka-of-';

/** Removes what processes that were killed could not. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(HOME) ? Number.parseInt(name.slice(HOME.length), 10) : 0;
    if (owner > 0 && !isAlive(owner)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

class Node implements Power {
  readonly #classPath: string;
  readonly #home: string;
  readonly #log: string;
  readonly #jvm: readonly string[];
  #process: GuardedProcess | undefined;

  constructor(path: string, home: string, jvm: readonly string[]) {
    this.#classPath = path;
    this.#home = home;
    this.#jvm = jvm;
    this.#log = join(home, 'server.log');
  }

  get data(): string {
    return join(this.#home, 'data');
  }

  get properties(): string {
    return join(this.#home, 'server.properties');
  }

  async start(): Promise<void> {
    const from = existsSync(this.#log) ? statSync(this.#log).size : 0;
    const logging = `-Dlog4j2.configurationFile=${join(this.#home, 'log4j2.properties')}`;
    const command = ['java', ...this.#jvm, logging, '-cp', this.#classPath, 'kafka.Kafka', this.properties];
    const broker = new GuardedProcess({ command, env: process.env as Record<string, string>, cwd: this.#home, log: this.#log });
    this.#process = broker;
    for (let waited = 0; waited < START_WITHIN && broker.over === null; waited += 50) {
      await sleep(50);
      if (readFileSync(this.#log).subarray(from).includes('Kafka Server started')) return;
    }
    await this.kill();
    throw new Error(`the Kafka broker did not start:\n${readFileSync(this.#log, 'utf8').slice(-4000)}`);
  }

  #signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#process?.exit;
  }

  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    await this.#process?.exit;
  }

  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }
}

/** Starts a Kafka of its own on free ports of the loopback, with its data in a temporary directory. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const lack = missing();
  if (lack !== null) throw new Error(lack);
  const path = await classPath();
  const count = options.nodes ?? 1;
  const protocol = options.protocol ?? 'PLAINTEXT';
  sweep();
  const root = mkdtempSync(join(tmpdir(), `${HOME}${process.pid}-`));
  const ports = await freePorts(count * 3);
  const clientPort = (node: number): number => ports[node] as number;
  const toldPort = options.advertise ?? clientPort;
  const innerPort = (node: number): number => ports[count + node] as number;
  const controllerPort = (node: number): number => ports[2 * count + node] as number;
  const voters = Array.from({ length: count }, (_, node) => `${node + 1}@127.0.0.1:${controllerPort(node)}`).join(',');
  const copies = String(Math.min(3, count));
  const inSync = count > 1 ? '2' : '1';
  const cluster = Buffer.from(ports.join('').padEnd(16, '0').slice(0, 16)).toString('base64url');
  const nodes = Array.from({ length: count }, (_, node) => {
    const home = join(root, `node-${node + 1}`);
    mkdirSync(home);
    const broker = new Node(path, home, options.jvm ?? JVM);
    const listeners = `CLIENT://127.0.0.1:${clientPort(node)},INNER://127.0.0.1:${innerPort(node)}`;
    const properties: Record<string, string> = {
      'process.roles': 'broker,controller',
      'node.id': String(node + 1),
      'controller.quorum.voters': voters,
      listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort(node)}`,
      'advertised.listeners': `CLIENT://127.0.0.1:${toldPort(node)},INNER://127.0.0.1:${innerPort(node)}`,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'INNER',
      'listener.security.protocol.map': `CLIENT:${protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
      'log.dirs': broker.data,
      'offsets.topic.replication.factor': copies,
      'offsets.topic.num.partitions': '4',
      'transaction.state.log.replication.factor': copies,
      'transaction.state.log.num.partitions': '4',
      'transaction.state.log.min.isr': inSync,
      'share.coordinator.state.topic.replication.factor': copies,
      'share.coordinator.state.topic.num.partitions': '2',
      'share.coordinator.state.topic.min.isr': inSync,
      'group.initial.rebalance.delay.ms': '0',
      'auto.create.topics.enable': 'false',
      // a broker that was killed may come back only when its session is over
      'broker.session.timeout.ms': '2000',
      'broker.heartbeat.interval.ms': '500',
      'log.cleaner.backoff.ms': '200',
      'log.cleaner.dedupe.buffer.size': '4194304',
      ...options.properties,
    };
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
    writeFileSync(broker.properties, `${lines.join('\n')}\n`);
    writeFileSync(join(home, 'log4j2.properties'), LOGGING);
    return broker;
  });
  const all = async (what: (node: Node) => Promise<void>): Promise<void> => {
    await Promise.all(nodes.map(what));
  };
  const close = async (): Promise<void> => {
    await all((node) => node.kill());
    rmSync(root, { recursive: true, force: true });
  };
  try {
    const format = (node: Node) => ['kafka.tools.StorageTool', 'format', '-t', cluster, '-c', node.properties, ...(options.format ?? [])];
    await all(async (node) => {
      await run('java', [...JVM, '-cp', path, ...format(node)]);
    });
    await all((node) => node.start());
  } catch (error) {
    await close();
    throw error;
  }
  return {
    brokers: nodes.map((_, node) => `127.0.0.1:${toldPort(node)}`),
    ports: nodes.map((_, node) => clientPort(node)),
    nodes,
    data: nodes.map(({ data }) => data),
    kill: () => all((node) => node.kill()),
    stop: () => all((node) => node.stop()),
    start: () => all((node) => node.start()),
    pause() {
      for (const node of nodes) node.pause();
    },
    resume() {
      for (const node of nodes) node.resume();
    },
    async tool(main, args, input) {
      const running = run('java', [...JVM, '-cp', path, main, ...args], { maxBuffer: 64 * 1024 * 1024 });
      running.child.stdin?.end(input ?? '');
      return (await running).stdout;
    },
    close,
  };
}
