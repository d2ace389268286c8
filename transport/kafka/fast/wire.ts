import { isIP, connect as openTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as openTls } from 'node:tls';
import type { KafkaSettings } from '../client.ts';
import { Answers } from './answers.ts';
import { Decoder } from './bytes.ts';
import { authenticate } from './sasl.ts';

/** A connection to one broker, authenticated. Requests leave, and answers come, in the order of the calls. */
export interface Wire {
  readonly closed: boolean;
  /** Sends a request whose body is these parts in a row, which stay as they are until it is answered; gives the body of the answer, which is read `into` as many bytes of memory as it has, or more. Rejects when the connection ends, or no answer comes in time (which ends it). */
  send(key: number, version: number, body: readonly Buffer[], into?: (bytes: number) => Buffer): Promise<Buffer>;
  close(): void;
}

export interface WireOptions extends Pick<KafkaSettings, 'tls' | 'sasl'> {
  readonly clientId: string;
  /** ms to connect and authenticate */
  readonly connectTimeout: number;
  /** ms for an answer */
  readonly requestTimeout: number;
}

interface Request {
  readonly key: number;
  readonly version: number;
  readonly body: readonly Buffer[];
  readonly into: (bytes: number) => Buffer;
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: Error) => void;
}

interface UnderWay extends Request {
  readonly correlation: number;
  readonly timer: NodeJS.Timeout;
}

/** requests under way on one connection; the rest waits */
const IN_FLIGHT = 5;
const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
/** of a session's life, after which it is renewed */
const RENEWED_AT = 0.8;

/** tagged fields in the head: of ApiVersions' answer never, as it is asked before anything is known of the broker */
const taggedRequest = (key: number, version: number): boolean => (key === API_VERSIONS ? version >= 3 : key !== SASL_HANDSHAKE);
const taggedAnswer = (key: number): boolean => key !== API_VERSIONS && key !== SASL_HANDSHAKE;

class SocketWire implements Wire {
  readonly #options: WireOptions;
  readonly #client: Buffer;
  readonly #waiting: Request[] = [];
  readonly #underWay: UnderWay[] = [];
  readonly #answers = new Answers(
    (correlation, bytes) => this.#place(correlation, bytes),
    (_correlation, body) => this.#answered(body),
  );
  #socket: Socket | undefined;
  #correlation = 0;
  /** while it logs in: a broker ends a connection that asks for anything else then */
  #held = true;
  #heard = false;
  #renewal: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #ended = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#client = Buffer.from(options.clientId);
  }

  get closed(): boolean {
    return this.#ended;
  }

  async connect(host: string, port: number): Promise<void> {
    const { connectTimeout } = this.#options;
    const timer = setTimeout(() => this.#end(new Error(`Connecting timed out after ${connectTimeout} ms.`)), connectTimeout);
    try {
      await new Promise<void>((connected, failed) => this.#open(host, port, connected, failed));
      await this.#logIn();
    } catch (error) {
      this.#end(error as Error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #open(host: string, port: number, connected: () => void, failed: (error: Error) => void): void {
    const { tls } = this.#options;
    const onread = { buffer: () => this.#answers.room, callback: (bytes: number, into: Uint8Array) => this.#read(bytes, into) };
    const place = { host, port, onread };
    const secure: ConnectionOptions & typeof place = {
      ...place,
      ...(tls?.ca && { ca: tls.ca }),
      ...(tls?.cert && { cert: tls.cert }),
      ...(tls?.key && { key: tls.key }),
      // a certificate for an address is checked by that address; only a name can be sent ahead of it
      ...(isIP(host) === 0 && { servername: host }),
    };
    const socket = tls === null ? openTcp(place) : openTls(secure);
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.once(tls === null ? 'connect' : 'secureConnect', connected);
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.once('close', () => {
      this.#end(new Error('Connection closed', { cause: this.#failure }));
      failed(this.#failure ?? new Error('Connection closed'));
    });
  }

  async #logIn(): Promise<void> {
    const { sasl } = this.#options;
    if (sasl !== null) {
      const lifetime = await authenticate((key, version, body) => this.#ask(key, version, body, Buffer.allocUnsafe, (request) => this.#write(request)), sasl);
      if (lifetime > 0) this.#renewal = setTimeout(() => this.#renew(), lifetime * RENEWED_AT);
    }
    this.#held = false;
    this.#pump();
  }

  #renew(): void {
    this.#held = true;
    this.#logIn().catch((error) => this.#end(error));
  }

  send(key: number, version: number, body: readonly Buffer[], into: (bytes: number) => Buffer = Buffer.allocUnsafe): Promise<Buffer> {
    return this.#ask(key, version, body, into, (request) => {
      this.#waiting.push(request);
      this.#pump();
    });
  }

  #ask(key: number, version: number, body: readonly Buffer[], into: Request['into'], go: (request: Request) => void): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(new Error('Connection closed', { cause: this.#failure }));
      else go({ key, version, body, into, resolve, reject });
    });
  }

  #pump(): void {
    while (!this.#held && this.#underWay.length < IN_FLIGHT) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#write(next);
    }
  }

  #write(request: Request): void {
    const { requestTimeout } = this.#options;
    const { key, version, body } = request;
    const client = this.#client;
    const correlation = this.#correlation++ & 0x7fffffff;
    const tagged = taggedRequest(key, version);
    const head = Buffer.allocUnsafe(14 + client.length + (tagged ? 1 : 0));
    let length = head.length - 4;
    for (const part of body) length += part.length;
    head.writeInt32BE(length, 0);
    head.writeInt16BE(key, 4);
    head.writeInt16BE(version, 6);
    head.writeInt32BE(correlation, 8);
    head.writeInt16BE(client.length, 12);
    head.set(client, 14);
    if (tagged) head[head.length - 1] = 0;
    const timer = setTimeout(() => this.#end(new Error(`No answer: the request timed out after ${requestTimeout} ms.`)), requestTimeout);
    this.#underWay.push({ ...request, correlation, timer });
    const socket = this.#socket as Socket;
    socket.cork();
    socket.write(head);
    for (const part of body) if (part.length > 0) socket.write(part);
    socket.uncork();
  }

  #read(bytes: number, into: Uint8Array): boolean {
    try {
      if (!this.#heard) {
        this.#heard = true;
        // an alert of TLS's record layer, version 3.x
        if (this.#options.tls === null && into[0] === 0x15 && into[1] === 3) throw new Error('Broker requires TLS.');
      }
      this.#answers.arrived(bytes);
    } catch (error) {
      this.#end(error as Error);
    }
    return true;
  }

  #place(correlation: number, bytes: number): Buffer {
    const [first] = this.#underWay;
    if (first?.correlation !== correlation) throw new Error(`An answer to request ${correlation}, which is not the next to be answered.`);
    return first.into(bytes).subarray(0, bytes);
  }

  #answered(body: Buffer): void {
    const { key, timer, resolve } = this.#underWay.shift() as UnderWay;
    clearTimeout(timer);
    if (taggedAnswer(key)) {
      const head = new Decoder(body);
      head.tags();
      resolve(body.subarray(head.pos));
    } else resolve(body);
    this.#pump();
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure ??= error;
    clearTimeout(this.#renewal);
    this.#socket?.destroy();
    for (const { timer } of this.#underWay) clearTimeout(timer);
    for (const { reject } of [...this.#underWay.splice(0), ...this.#waiting.splice(0)]) reject(error);
  }

  close(): void {
    this.#end(new Error('Connection closed'));
  }
}

/** @throws what the socket, or the broker on logging in, says: see `failures.ts` */
export async function connect(host: string, port: number, options: WireOptions): Promise<Wire> {
  const wire = new SocketWire(options);
  await wire.connect(host, port);
  return wire;
}
