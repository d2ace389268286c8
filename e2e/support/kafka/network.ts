import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { correlationOf, Frames, isProduce } from './frames.ts';

/** What the network does to what goes through; all of it can change at any time. */
export interface Weather {
  /** ms by which each answer of a broker is late */
  delay: number;
  /** nothing goes through, and nobody is told */
  silent: boolean;
  /** connections are refused */
  closed: boolean;
  /** bytes of answers after which a connection is cut, wherever that is in an answer */
  cutAfter: number;
  /** what becomes of each produce request from here on, in order of arrival; those behind the last pass */
  readonly produces: ProduceFate[];
}

/**
 * `pass`; `drop`: never arrives, what follows it does; `lose`: arrives, but the connection is cut in the place of its answer; `late`: its answer, and all
 * behind it on the connection, are held for `LATE` ms; `hold`: never arrives, nor does anything behind it on that connection
 */
export type ProduceFate = 'pass' | 'drop' | 'lose' | 'late' | 'hold';

/** longer than any client of ours waits for an answer to a produce request */
const LATE = 32_000;

interface Connection {
  /** fates of answers to come, by correlation id */
  readonly answers: Map<number, ProduceFate>;
  readonly end: () => void;
  /** nothing of it arrives any more */
  held: boolean;
}

/** A network between clients and a broker that a test can spoil. The broker has to advertise the network's port. */
export class Network {
  readonly port: number;
  readonly weather: Weather = { delay: 0, silent: false, closed: false, cutAfter: Number.POSITIVE_INFINITY, produces: [] };
  cuts = 0;
  /** produce requests that came here, that were answered through here, and that met each fate but `pass` */
  readonly seen = { produces: 0, answered: 0, drop: 0, lose: 0, late: 0, hold: 0 };
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Listens at once; `target` is asked at each connection. */
  static async start(target: () => number): Promise<Network> {
    const handle: { connection: (client: Socket) => void } = { connection: (client) => client.destroy() };
    const server = createServer({ pauseOnConnect: true }, (client) => handle.connection(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const network = new Network(server, (server.address() as { port: number }).port);
    handle.connection = (client) => network.#join(client, target());
    return network;
  }

  #join(client: Socket, port: number): void {
    if (this.weather.closed) {
      client.destroy();
      return;
    }
    const broker = connect(port, '127.0.0.1');
    const pair = [client, broker] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    const connection = { answers: new Map<number, ProduceFate>(), end, held: false };
    void this.#requests(client, broker, connection);
    void this.#answers(broker, client, connection);
  }

  async #requests(client: Socket, broker: Socket, connection: Connection): Promise<void> {
    const pass = async (frame: Buffer): Promise<boolean> => {
      if (!isProduce(frame)) return !connection.held;
      this.seen.produces++;
      const fate = this.weather.produces.shift() ?? 'pass';
      if (fate !== 'pass') this.seen[fate]++;
      if (fate === 'hold') connection.held = true;
      // read all the same: who stops reading does not see the connection end
      if (connection.held) return false;
      connection.answers.set(correlationOf.request(frame), fate);
      return fate !== 'drop';
    };
    await this.#carry(client, broker, pass);
  }

  async #answers(broker: Socket, client: Socket, { answers, end }: Connection): Promise<void> {
    let answered = 0;
    let over = false;
    await this.#carry(broker, client, async (frame) => {
      // what came with an answer that was cut goes nowhere
      if (over) return false;
      if (this.weather.delay > 0) await sleep(this.weather.delay);
      const correlation = correlationOf.answer(frame);
      const fate = answers.get(correlation);
      answers.delete(correlation);
      answered += frame.length;
      const cut = answered >= this.weather.cutAfter;
      if (cut || fate === 'lose') {
        over = true;
        this.cuts++;
        if (cut) client.write(frame.subarray(0, frame.length >> 1));
        setImmediate(end);
        return false;
      }
      if (fate === 'late') await sleep(LATE, undefined, { ref: false });
      if (fate !== undefined) this.seen.answered++;
      return true;
    });
  }

  async #carry(from: Socket, to: Socket, passes: (frame: Buffer) => Promise<boolean>): Promise<void> {
    const frames = new Frames();
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (const frame of frames.take(chunk)) {
          while (this.weather.silent) await sleep(20);
          if (await passes(frame)) to.write(frame);
        }
      }
    } catch {
      // the other end is told below
    }
    to.destroy();
  }

  /** cuts every connection there is */
  cut(): void {
    for (const [client, broker] of this.#pairs) {
      this.cuts++;
      client.destroy();
      broker.destroy();
    }
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
