import { MillraceError } from '@millrace/runtime/errors.ts';
import { Transient } from './codes.ts';

const TLS = /certificate|self.signed|unable to (verify|get)|altname|EPROTO|ERR_SSL|ERR_TLS|ERR_OSSL|secure TLS connection was established|requires TLS/i;
const AUTHENTICATION = /SASL authentication failed|suitable SASL mechanism/i;

/** All that an error and those it wraps say, the outermost first. */
function chain(error: unknown): string[] {
  const said: string[] = [];
  for (let at = error; at instanceof Error && said.length < 8; at = at.cause) {
    said.push(`${(at as NodeJS.ErrnoException).code ?? ''} ${at.message}`.trim());
    for (const inner of (at as AggregateError).errors ?? []) said.push(...chain(inner));
  }
  return said;
}

/** What a connection or a request failed with. Says nothing of credentials. */
export function wireFailure(error: unknown, address: string): Transient | MillraceError {
  if (error instanceof MillraceError || error instanceof Transient) return error;
  const said = chain(error);
  const any = (pattern: RegExp) => said.find((text) => pattern.test(text));
  const refused = any(AUTHENTICATION);
  // a broker that goes down in the middle of the handshake says so too: only its word about the credentials counts
  if (refused !== undefined && !any(/Connection closed|ECONNRESET|EPIPE|timed out/i))
    return new MillraceError('authentication_failed', `The Kafka broker ${address} does not let this user in: ${said.at(-1)}`, { cause: error });
  const tls = any(TLS);
  if (tls !== undefined) return new MillraceError('tls_failed', `No TLS connection to the Kafka broker ${address}: ${tls}`, { cause: error });
  return new Transient(`Kafka broker ${address}: ${said.at(-1) ?? String(error)}`, true, 'broker_unreachable', error);
}
