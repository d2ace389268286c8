import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@millrace/runtime/clock.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';

/** How to reach a registry; built from a profile. */
export interface RegistrySettings {
  /** http or https, without a slash at its end */
  readonly url: string;
  /** both or none; the password is in no message */
  readonly username: string | null;
  readonly password: string | null;
  /** PEM text; null: the system's authorities */
  readonly ca: string | null;
}

export interface RestOptions extends RegistrySettings {
  readonly clock: Clock;
  /** ms for which a call is tried again */
  readonly patience: number;
}

interface Answer {
  readonly status: number;
  /** null: no JSON */
  readonly body: unknown;
  /** ms it asks to be left alone for; null: does not say */
  readonly retryAfter: number | null;
}

/** What a registry says no with. Codes: docs.confluent.io, Schema Registry API. */
export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
}

const ATTEMPT = 5000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2000;
const LONGEST_ANSWER = 16 * 2 ** 20;
const TYPE = 'application/vnd.schemaregistry.v1+json';
/** of a certificate, or of a server that does not speak TLS: no second try changes it */
const TLS = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO|HPE_)/;

/**
 * Calls of the REST API. What may pass (network, 5xx, 429) is tried again, waiting longer each time, until the patience is over:
 * registry_unreachable. Refusals that have a code of the API are answers; any other is registry_refused.
 */
export class RegistryRest {
  readonly #options: RestOptions;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  async get(path: string): Promise<{ ok: unknown } | { refused: Refusal }> {
    return this.#call('GET', path, null);
  }

  async post(path: string, body: unknown): Promise<{ ok: unknown } | { refused: Refusal }> {
    return this.#call('POST', path, JSON.stringify(body));
  }

  async #call(method: string, path: string, body: string | null): Promise<{ ok: unknown } | { refused: Refusal }> {
    const { clock, patience, url } = this.#options;
    const end = clock.monotonic() + patience;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      let why: string;
      let wait = pause;
      try {
        const answer = await this.#ask(method, path, body, Math.max(1, Math.min(ATTEMPT, end - clock.monotonic())));
        if (answer.status < 500 && answer.status !== 429) return this.#judged(answer, `${method} ${path}`);
        why = `it answers ${answer.status}`;
        wait = Math.max(wait, answer.retryAfter ?? 0);
      } catch (error) {
        if (error instanceof MillraceError) throw error;
        const { code, message } = error as NodeJS.ErrnoException;
        if (TLS.test(code ?? ''))
          throw new MillraceError('registry_refused', `The registry ${url} cannot be spoken to: ${message} (${code}).`, { cause: error });
        why = reason(error as NodeJS.ErrnoException);
      }
      if (clock.monotonic() + wait >= end) throw new MillraceError('registry_unreachable', `The registry ${url} does not answer: ${why}.`);
      await sleep(wait);
    }
  }

  #judged({ status, body }: Answer, call: string): { ok: unknown } | { refused: Refusal } {
    const { url, username } = this.#options;
    if (status >= 200 && status < 300 && body !== null) return { ok: body };
    if (status === 401 || status === 403) {
      const as = username === null ? 'without a user' : `as ${username}`;
      throw new MillraceError('registry_refused', `The registry ${url} refuses ${call} ${as} (${status}).`, {
        hint: "Check the profile's registry: username and password, and what that user may do.",
      });
    }
    const { error_code: code, message } = (body ?? {}) as { error_code?: unknown; message?: unknown };
    if (status >= 400 && typeof code === 'number') return { refused: { status, code, message: String(message) } };
    throw new MillraceError('registry_refused', `The registry ${url} answers ${call} with ${status}, and not as a schema registry does.`);
  }

  #ask(method: string, path: string, body: string | null, timeout: number): Promise<Answer> {
    const { url, username, password, ca } = this.#options;
    return new Promise((resolve, reject) => {
      const call = (url.startsWith('https:') ? secure : plain)(
        `${url}${path}`,
        {
          method,
          agent: false,
          signal: AbortSignal.timeout(Math.ceil(timeout)),
          headers: { accept: `${TYPE}, application/json`, ...(body === null ? {} : { 'content-type': TYPE, 'content-length': Buffer.byteLength(body) }) },
          ...(username === null ? {} : { auth: `${username}:${password}` }),
          ...(ca === null ? {} : { ca }),
        },
        (response) => {
          const parts: Buffer[] = [];
          let size = 0;
          response.on('error', reject);
          response.on('data', (part: Buffer) => {
            parts.push(part);
            size += part.length;
            if (size > LONGEST_ANSWER) call.destroy(new Error('the answer is larger than any schema'));
          });
          response.on('end', () => {
            const after = Number(response.headers['retry-after']);
            resolve({ status: response.statusCode as number, body: jsonOf(Buffer.concat(parts)), retryAfter: Number.isFinite(after) ? after * 1000 : null });
          });
        },
      );
      call.on('error', reject);
      call.end(body ?? undefined);
    });
  }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    return null;
  }
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time';
  // all addresses of a name failed
  if (error instanceof AggregateError) return (error.errors as Error[]).map(({ message }) => message).join(', ');
  return error.message;
}
