import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Exit, GuardedProcess } from '../guarded-process.ts';
import { type Broker, startBroker } from '../kafka.ts';
import { freePorts } from '../ports.ts';
import type { ComposeFile, Service } from './file.ts';
import { Mapping, root } from './mapping.ts';

/** between two health checks, ms: more often than compose asks, as a test waits for it */
const ASK_EVERY = 500;
/** Docker's pause before the first restart, ms */
const RESTART_AFTER = 100;
/** an inner port of each image */
const PORTS: Readonly<Record<string, number>> = { millrace: 8088, redis: 6379, 'prom/prometheus': 9090 };
const BIN = join(root, 'cli/bin/millrace.js');

const imageOf = ({ image }: Service): string => image.slice(0, image.lastIndexOf(':'));

/** A service as a process. What ends though nobody stopped it is started again, as its restart policy says. */
class Running {
  readonly service: Service;
  readonly #start: () => GuardedProcess;
  #process: GuardedProcess;
  #stopped = false;
  restarts = 0;

  constructor(service: Service, start: () => GuardedProcess) {
    this.service = service;
    this.#start = start;
    this.#process = start();
    this.#watch();
  }

  #watch(): void {
    void this.#process.exit.then(async ({ code }) => {
      const policy = this.service.restart;
      if (this.#stopped || policy === 'no' || (policy === 'on-failure' && code === 0)) return;
      await sleep(RESTART_AFTER);
      if (this.#stopped) return;
      this.restarts++;
      this.#process = this.#start();
      this.#watch();
    });
  }

  get process(): GuardedProcess {
    return this.#process;
  }

  async stop(signal: NodeJS.Signals): Promise<Exit> {
    this.#stopped = true;
    this.#process.signal(signal);
    return this.#process.exit;
  }
}

/** The services of a compose file as processes of this machine. Those whose image has no program here are left out. */
export class Stack {
  readonly file: ComposeFile;
  readonly dir: string;
  readonly mapping: Mapping;
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #without: ReadonlySet<string>;
  readonly #running = new Map<string, Running>();
  #broker: Broker | null = null;

  private constructor(file: ComposeFile, dir: string, addresses: Map<string, string>, without: ReadonlySet<string>) {
    this.file = file;
    this.dir = dir;
    this.#addresses = addresses;
    this.#without = without;
    this.mapping = new Mapping(dir, addresses);
  }

  /** `without`: services that this machine has no program for */
  static async prepare(file: ComposeFile, dir: string, without: readonly string[]): Promise<Stack> {
    const addresses = new Map<string, string>();
    for (const service of file.services) {
      const port = PORTS[imageOf(service)];
      if (port !== undefined) addresses.set(`${service.name}:${port}`, `127.0.0.1:${(await freePorts(1))[0] as number}`);
    }
    mkdirSync(join(dir, 'logs'), { recursive: true });
    return new Stack(file, dir, addresses, new Set(without));
  }

  get services(): readonly Service[] {
    return this.file.services.filter(({ name }) => !this.#without.has(name));
  }

  /** `http://127.0.0.1:12345` */
  url(name: string): string {
    const service = this.#service(name);
    return `http://${this.#addresses.get(`${name}:${PORTS[imageOf(service)]}`)}`;
  }

  /** where a text of the service leads on this machine */
  here(name: string, text: string): string {
    return this.mapping.here(this.#service(name), text);
  }

  environment(name: string): Record<string, string> {
    const service = this.#service(name);
    return Object.fromEntries(Object.entries(service.environment).map(([key, value]) => [key, this.mapping.here(service, value)]));
  }

  get brokers(): readonly string[] {
    return this.#broker?.brokers ?? [];
  }

  process(name: string): GuardedProcess {
    return this.#of(name).process;
  }

  restarts(name: string): number {
    return this.#of(name).restarts;
  }

  #service(name: string): Service {
    const found = this.file.services.find((service) => service.name === name);
    if (found === undefined) throw new Error(`there is no service ${name}`);
    return found;
  }

  #of(name: string): Running {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`${name} does not run`);
    return running;
  }

  /** Starts every service once what it depends on is as it wants it, and waits until all are healthy. */
  async up(): Promise<void> {
    const begun = new Map<string, Promise<void>>();
    const begin = (service: Service): Promise<void> => {
      const at = begun.get(service.name) ?? this.#begin(service, (name) => begin(this.#service(name)));
      begun.set(service.name, at);
      return at;
    };
    await Promise.all(this.services.map(begin));
  }

  async #begin(service: Service, ready: (name: string) => Promise<void>): Promise<void> {
    await Promise.all(Object.keys(service.dependsOn).map(ready));
    if (imageOf(service) === 'apache/kafka') {
      this.#broker = await startBroker({ properties: brokerProperties(service) });
      (this.#addresses as Map<string, string>).set(`${service.name}:9092`, this.#broker.brokers[0] as string);
    } else {
      const cwd = this.mapping.prepare(service);
      const log = join(this.dir, 'logs', `${service.name}.log`);
      const env = { PATH: process.env['PATH'] ?? '', HOME: cwd, ...this.environment(service.name) };
      this.#running.set(service.name, new Running(service, () => new GuardedProcess({ command: this.#command(service), env, cwd, log })));
    }
    if (service.health === null) {
      const { code } = await this.process(service.name).exit;
      if (code !== 0) throw new Error(`${service.name} has ended with ${code}:\n${this.process(service.name).said}`);
    } else await this.healthy(service.name);
  }

  #command(service: Service): string[] {
    return this.#program(
      service,
      [...(service.entrypoint ?? entrypoint(service)), ...service.command].map((word) => this.mapping.here(service, word)),
    );
  }

  #program(service: Service, words: readonly string[]): string[] {
    const [program, ...args] = words as [string, ...string[]];
    const [, port] = this.#addresses.get(`${service.name}:${PORTS[imageOf(service)]}`)?.split(':') ?? [];
    if (program === 'millrace') return [process.execPath, BIN, ...args];
    if (program === 'node') return [process.execPath, ...args];
    if (program === 'redis-server') return [program, ...args, '--port', port as string, '--bind', '127.0.0.1', '--dir', this.mapping.here(service, '/data')];
    if (program === 'prometheus') return [program, ...args, `--web.listen-address=127.0.0.1:${port}`];
    throw new Error(`${service.name}: no ${program} on this machine`);
  }

  /** Waits as long as compose would. */
  async healthy(name: string): Promise<void> {
    const { health } = this.#service(name);
    if (health === null) return;
    const since = performance.now();
    for (;;) {
      const flaw = await this.ill(name);
      if (flaw === null) return;
      const waited = performance.now() - since;
      const said = this.#running.get(name)?.process.said ?? '';
      if (waited > health.within) throw new Error(`${name} is not healthy after ${Math.round(waited / 1000)} s: ${flaw}\n${said}`);
      await sleep(ASK_EVERY);
    }
  }

  /** What its health check says, null when that is well. */
  async ill(name: string): Promise<string | null> {
    const service = this.#service(name);
    const { test, timeout } = service.health ?? { test: [], timeout: 0 };
    const [program = '', ...args] = test.map((word) => this.mapping.here(service, word));
    if (program.endsWith('kafka-broker-api-versions.sh')) {
      return (this.#broker as Broker).tool('org.apache.kafka.tools.BrokerApiVersionsCommand', args).then(
        () => null,
        (error: Error) => error.message,
      );
    }
    const env = { PATH: process.env['PATH'] ?? '', ...this.environment(name) };
    return new Promise((resolve) => {
      execFile(program === 'node' ? process.execPath : program, args, { env, timeout }, (error, stdout) =>
        resolve(error === null ? null : stdout || error.message),
      );
    });
  }

  /** What a command prints in the place of a service, as with `docker compose exec`. Rejects when it fails. */
  exec(name: string, words: readonly string[]): Promise<string> {
    const service = this.#service(name);
    const [program, ...args] = this.#program(
      service,
      words.map((word) => this.mapping.here(service, word)),
    ) as [string, ...string[]];
    const options = { cwd: this.mapping.cwd(service), env: { PATH: process.env['PATH'] ?? '', ...this.environment(name) } };
    return new Promise((resolve, reject) => {
      execFile(program, args, options, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr || error.message))));
    });
  }

  /** Ends one for good. */
  async stopService(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#of(name).stop(signal);
  }

  /** SIGTERM to all but the broker; by name how each ended and after how many ms. */
  async stop(): Promise<ReadonlyMap<string, Exit & { readonly ms: number }>> {
    const since = performance.now();
    const ends = [...this.#running].map(async ([name, running]) => [name, { ...(await running.stop('SIGTERM')), ms: performance.now() - since }] as const);
    return new Map(await Promise.all(ends));
  }

  /** Ends whatever still runs. */
  async down(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.stop('SIGKILL')));
    await this.#broker?.close();
  }
}

/** What an image starts when the file does not say; ours is in the Dockerfile. */
function entrypoint(service: Service): string[] {
  const image = imageOf(service);
  if (image === 'prom/prometheus') return ['prometheus'];
  if (image !== 'millrace') return [];
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  return JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
}

/** The broker's settings from its environment, as its image reads them; addresses, directories and memory are this machine's. */
function brokerProperties({ environment }: Service): Record<string, string> {
  const ours = /^KAFKA_(NODE_ID|PROCESS_ROLES|.*LISTENER.*|CONTROLLER_.*|LOG_DIRS|HEAP_OPTS)$/;
  const settings = Object.entries(environment).filter(([name]) => name.startsWith('KAFKA_') && !ours.test(name));
  return Object.fromEntries(settings.map(([name, value]) => [name.slice('KAFKA_'.length).toLowerCase().replaceAll('_', '.'), value]));
}
