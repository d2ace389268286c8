import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpProfile } from '@millrace/pipeline/profile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { boundAddress } from './address.ts';

/** What a path answers with. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** By path, without a query. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface StatusServer {
  /** `http://127.0.0.1:8088` with the port it really has */
  readonly url: string;
  /** takes no more calls, lets those under way end, and cuts off those that do not */
  close(): Promise<void>;
}

/** No caller needs longer, or more at once; they share the process with the records. ms */
const CALL_MS = 5_000;
const CLOSE_MS = 500;
const MAX_CONNECTIONS = 64;
const MAX_HEADERS = 8 * 1024;

/**
 * Serves the routes to GET and HEAD, behind `Authorization: Bearer <token>` when there is a token. It does not keep the process alive.
 * Throws `MillraceError` address_exposed or address_unusable.
 */
export async function serve(at: HttpProfile, routes: Routes): Promise<StatusServer> {
  const address = await boundAddress(at);
  const wanted = at.token === null ? null : digest(at.token);
  const server = createServer(
    { maxHeaderSize: MAX_HEADERS, headersTimeout: CALL_MS, requestTimeout: CALL_MS, keepAliveTimeout: CALL_MS },
    (request, response) => {
      void answer(request, routes, wanted).then((given) => reply(request, response, given));
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket) => socket.unref());
  await listening(server, address, at);
  server.unref();
  const { address: host, family, port } = server.address() as AddressInfo;
  return { url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`, close: () => closed(server) };
}

function listening(server: Server, address: string, { host, port }: HttpProfile): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.code === 'EACCES' ? 'this user may not listen there' : cause.message;
      reject(new MillraceError('address_unusable', `The status server cannot listen at ${host}:${port}: ${why}.`, { cause }));
    });
    server.listen(port, address, () => {
      server.removeAllListeners('error');
      // a connection that cannot be taken is the caller's loss, never the run's
      server.on('error', () => undefined);
      resolve();
    });
  });
}

async function answer(request: IncomingMessage, routes: Routes, wanted: Buffer | null): Promise<Answer> {
  if (wanted !== null && !timingSafeEqual(digest(bearer(request)), wanted)) return refusal(401, 'Bring the token: Authorization: Bearer <token>.');
  const path = (request.url ?? '').split('?', 1)[0] as string;
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return refusal(404, `There is ${Object.keys(routes).join(', ')}.`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, 'Only GET and HEAD.');
  try {
    return await route();
  } catch {
    return refusal(500, 'The answer could not be made: a defect of millrace.');
  }
}

function refusal(status: number, error: string): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify({ error })}\n` };
}

function bearer({ headers }: IncomingMessage): string {
  return /^Bearer +(.+?) *$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** of equal length whatever the text, so that comparing tells nothing about it */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function reply(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.statusCode = status;
  response.setHeader('content-type', type);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="millrace"');
  if (status === 405) response.setHeader('allow', 'GET, HEAD');
  // what it sends along is read by nobody
  request.resume();
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await done;
  clearTimeout(cut);
}
