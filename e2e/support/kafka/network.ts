import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the network does to what goes through; all of it can change at any time. */
export interface Weather {
  /** ms by which each piece of a broker's answers is late */
  delay: number;
  /** nothing goes through, and nobody is told */
  silent: boolean;
  /** connections are refused */
  closed: boolean;
  /** bytes of answers after which a connection is cut, wherever that is in an answer */
  cutAfter: number;
}

/** A network between clients and a broker that a test can spoil. The broker has to advertise the network's port. */
export class Network {
  readonly port: number;
  readonly weather: Weather = { delay: 0, silent: false, closed: false, cutAfter: Number.POSITIVE_INFINITY };
  cuts = 0;
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
    void this.#carry(client, broker, () => false);
    let answered = 0;
    void this.#carry(broker, client, (bytes) => {
      answered += bytes;
      if (answered < this.weather.cutAfter) return false;
      this.cuts++;
      setImmediate(end);
      return true;
    });
  }

  async #carry(from: Socket, to: Socket, last: (bytes: number) => boolean): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        while (this.weather.silent) await sleep(20);
        if (this.weather.delay > 0) await sleep(this.weather.delay);
        const cut = last(chunk.length);
        to.write(cut ? chunk.subarray(0, chunk.length >> 1) : chunk);
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
