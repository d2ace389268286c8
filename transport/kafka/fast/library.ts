import { isIP } from 'node:net';
import { Connection, compressionsAlgorithmsByBitmask, crc32c, createAPI, type SASLMechanismValue, Writer } from '@platformatic/kafka';
import type { KafkaSettings } from '../client.ts';

/** A connection to one broker, authenticated. Requests leave, and answers come, in the order of the calls. */
export interface Wire {
  readonly closed: boolean;
  /** Sends a request whose body is these parts in a row; gives the body of the answer as one buffer. One that came in pieces is copied `into` as many bytes of memory as it has, or more. Rejects when the connection ends, or no answer comes in time (which ends it). */
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

/** `answer`: the pieces in which it came */
type Api = (connection: Connection, body: readonly Buffer[], callback: (error: Error | null, answer?: readonly Buffer[]) => void) => void;

/** requests under way on one connection; the rest waits in the library's queue */
const IN_FLIGHT = 5;
const API_VERSIONS = 18;

const apis = new Map<number, Api>();

/** The library's pairing of a request and its answer, for bodies that we encode and parse ourselves. */
function api(key: number, version: number): Api {
  const id = key * 100 + version;
  let made = apis.get(id);
  if (made === undefined) {
    const request = (parts: readonly Buffer[]): Writer => {
      const writer = Writer.create();
      // an empty part would break the library's reads of a buffer in parts
      for (const part of parts) if (part.length > 0) writer.append(part);
      return writer;
    };
    // asked before anything is known of the broker: its answer's head never changes
    const apiVersions = key === API_VERSIONS;
    made = createAPI<[readonly Buffer[]], readonly Buffer[]>(
      key,
      version,
      request,
      (_id, _key, _version, reader) => reader.buffer.subarray(reader.position).buffers,
      !apiVersions || version >= 3,
      !apiVersions,
    );
    apis.set(id, made);
  }
  return made;
}

function joined(pieces: readonly Buffer[], into: (bytes: number) => Buffer): Buffer {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  let end = 0;
  for (const { length } of pieces) end += length;
  const whole = into(end);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(0, end);
}

class LibraryWire implements Wire {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get closed(): boolean {
    return !this.#connection.isConnected() && this.#connection.status !== 'reauthenticating';
  }

  send(key: number, version: number, body: readonly Buffer[], into = Buffer.allocUnsafe): Promise<Buffer> {
    return new Promise((resolve, reject) =>
      api(key, version)(this.#connection, body, (error, answer) => {
        if (error) reject(error);
        else resolve(joined(answer as readonly Buffer[], into));
      }),
    );
  }

  close(): void {
    this.#connection.close(() => {});
  }
}

/** @throws what the library says: see `failures.ts` */
export async function connect(host: string, port: number, options: WireOptions): Promise<Wire> {
  const { tls, sasl } = options;
  const connection = new Connection(options.clientId, {
    connectTimeout: options.connectTimeout,
    requestTimeout: options.requestTimeout,
    maxInflights: IN_FLIGHT,
    ...(tls && {
      tls: { ...(tls.ca !== null && { ca: tls.ca }), ...(tls.cert !== null && { cert: tls.cert }), ...(tls.key !== null && { key: tls.key }) },
      // a certificate for an address is checked by that address; only a name can be sent ahead of it
      tlsServerName: isIP(host) === 0,
    }),
    ...(sasl && { sasl: { mechanism: sasl.mechanism.toUpperCase() as SASLMechanismValue, username: sasl.username, password: sasl.password } }),
  });
  // an error after the connection stood reaches its requests; without a listener it would end the process
  connection.on('error', () => {});
  await connection.connect(host, port);
  return new LibraryWire(connection);
}

/** CRC-32C of the bytes. In the library's own kind of buffer they are not copied first. */
export function checksum(bytes: Buffer): number {
  return crc32c(Writer.create().append(bytes).dynamicBuffer);
}

/** The bytes that a codec of Kafka (1 gzip, 2 snappy, 3 lz4, 4 zstd) made these of; null: there is no such codec here. */
export function inflate(codec: number, bytes: Buffer): Buffer | null {
  const algorithm = compressionsAlgorithmsByBitmask[codec];
  return algorithm?.available ? algorithm.decompressSync(bytes) : null;
}
