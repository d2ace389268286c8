import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ParsedSchema, parseSchema } from '../avro.ts';
import { type Compatibility, incompatibilities } from './evolution.ts';

interface TestRegistryOptions {
  readonly auth?: { readonly username: string; readonly password: string };
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly level?: Compatibility;
}

/** As a call went wrong: a status, with or without a header; or the connection is cut, or left without an answer. */
type Failure = { readonly status: number; readonly retryAfter?: number; readonly body?: string } | 'cut' | 'silent';

interface Stored {
  readonly text: string;
  readonly parsed: ParsedSchema | null;
  readonly more: object;
}

/** A schema registry for tests: what we use of Confluent's REST API, with compatibility judged by our own rules. */
export class TestRegistry {
  /** each call so far: `GET /config` */
  readonly calls: string[] = [];
  /** the next calls go wrong like this, one each */
  readonly failures: Failure[] = [];
  level: Compatibility;
  /** what is said of each subject's own level; null: it has none */
  subjectLevel: string | null = null;
  readonly url: string;
  readonly #schemas = new Map<number, Stored>();
  readonly #subjects = new Map<string, number[]>();
  readonly #options: TestRegistryOptions;
  readonly #close: () => Promise<void>;

  private constructor(options: TestRegistryOptions, port: number, close: () => Promise<void>) {
    this.#options = options;
    this.level = options.level ?? 'BACKWARD';
    this.url = `${options.tls ? 'https' : 'http'}://localhost:${port}`;
    this.#close = close;
  }

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const handle: { answer: RequestListener } = { answer: () => undefined };
    const listener: RequestListener = (request, response) => handle.answer(request, response);
    const server = options.tls ? createSecure(options.tls, listener) : createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const close = (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    const registry = new TestRegistry(options, (server.address() as AddressInfo).port, close);
    handle.answer = (request, response) => void registry.#answer(request, response);
    return registry;
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** puts a schema there as someone else would, and gives its id */
  put(subject: string, schema: unknown, more: object = {}): number {
    const text = typeof schema === 'string' ? schema : JSON.stringify(schema);
    const id = this.#idOf(text, more);
    this.#subjects.set(subject, [...(this.#subjects.get(subject) ?? []), id]);
    return id;
  }

  versions(subject: string): readonly number[] {
    return this.#subjects.get(subject) ?? [];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url as string;
    this.calls.push(`${request.method} ${url}`);
    let text = '';
    for await (const part of request) text += part;
    const failure = this.failures.shift();
    if (failure === 'silent') return;
    if (failure === 'cut') {
      request.socket.destroy();
      return;
    }
    if (failure !== undefined) {
      if (failure.retryAfter !== undefined) response.setHeader('retry-after', failure.retryAfter);
      response.writeHead(failure.status).end(failure.body ?? 'not today');
      return;
    }
    const { auth } = this.#options;
    const wanted = auth && `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
    const [status, body] =
      request.headers.authorization === wanted
        ? this.#route(`${request.method} ${url.split('?')[0]}`, text)
        : [401, { error_code: 40101, message: 'Unauthorized' }];
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body));
  }

  #route(call: string, text: string): [status: number, body: unknown] {
    const [, what = '', rest = ''] = /^(\w+ \/\w+)(.*)$/.exec(call) ?? [];
    const path = rest.split('/').slice(1).map(decodeURIComponent);
    if (what === 'GET /config') {
      if (path.length === 0) return [200, { compatibilityLevel: this.level }];
      return this.subjectLevel === null ? [404, { error_code: 40408, message: 'no level of its own' }] : [200, { compatibilityLevel: this.subjectLevel }];
    }
    if (what === 'GET /schemas' && path[0] === 'ids') {
      const found = this.#schemas.get(Number(path[1]));
      return found ? [200, { schema: found.text, ...found.more }] : [404, { error_code: 40403, message: `Schema ${path[1]} not found` }];
    }
    const subject = what === 'POST /compatibility' ? path[1] : path[0];
    if (!/subjects|compatibility/.test(what) || subject === undefined) return [404, '<html>'];
    const ids = this.versions(subject);
    const latest = this.#schemas.get(ids.at(-1) ?? -1);
    if (what === 'GET /subjects')
      return latest
        ? [200, { subject, version: ids.length, id: ids.at(-1), schema: latest.text, ...latest.more }]
        : [404, { error_code: 40401, message: `Subject '${subject}' not found.` }];
    const { schema } = JSON.parse(text) as { schema: string };
    const parsed = parsedOf(schema);
    if (parsed === null) return [422, { error_code: 42201, message: 'Invalid schema' }];
    const reasons = latest?.parsed ? incompatibilities(parsed, latest.parsed, this.level) : [];
    if (what === 'POST /compatibility')
      return latest ? [200, { is_compatible: reasons.length === 0, messages: ['theirs'] }] : [404, { error_code: 40401, message: 'not found' }];
    const at = ids.findIndex((id) => this.#schemas.get(id)?.parsed?.canonical === parsed.canonical);
    if (path.length === 1) {
      if (ids.length === 0) return [404, { error_code: 40401, message: 'Subject not found' }];
      return at < 0 ? [404, { error_code: 40403, message: 'Schema not found' }] : [200, { subject, id: ids[at], version: at + 1, schema }];
    }
    if (at >= 0) return [200, { id: ids[at] }];
    if (reasons.length > 0) return [409, { error_code: 409, message: 'Schema being registered is incompatible with an earlier schema' }];
    return [200, { id: this.put(subject, schema) }];
  }

  #idOf(text: string, more: object): number {
    const parsed = parsedOf(text);
    for (const [id, stored] of this.#schemas) if (stored.text === text || (parsed !== null && stored.parsed?.canonical === parsed.canonical)) return id;
    const id = 101 + this.#schemas.size;
    this.#schemas.set(id, { text, parsed, more });
    return id;
  }
}

function parsedOf(text: string): ParsedSchema | null {
  try {
    return parseSchema(JSON.parse(text));
  } catch {
    return null;
  }
}
