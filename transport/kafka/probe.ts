import { lookup } from 'node:dns/promises';
import { isIP, connect as openSocket, type Socket } from 'node:net';
import { connect as openTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { KafkaSettings, NewTopic } from './client.ts';
import { CODE, refusal, Transient } from './fast/codes.ts';
import { wireFailure } from './fast/failures.ts';
import { ask, createTopics, metadata, missingApis } from './fast/requests.ts';
import { connect, type Wire } from './fast/wire.ts';

/** What a broker says of itself and of its cluster. */
export interface BrokerFacts {
  /** requests that we make and it does not know */
  readonly missing: readonly string[];
  /** addresses under which the brokers of the cluster want to be reached */
  readonly advertised: readonly string[];
  /** of TLS: whose certificate it is, and until when it is good (epoch ms) */
  readonly certificate: { readonly subject: string; readonly until: number } | null;
}

const CLIENT_ID = 'millrace-doctor';

/**
 * Goes to one broker step by step: name, connection, TLS, user, requests. Each step that fails is a `MillraceError` broker_unreachable, tls_failed,
 * authentication_failed or broker_refused that says what is wrong and, in its hint, the way out. `timeout`: ms for each step.
 */
export async function probeBroker(address: string, settings: KafkaSettings, timeout: number): Promise<BrokerFacts> {
  const { host, port } = parsed(address);
  await resolve(host);
  (await reach(host, port, address, timeout)).destroy();
  const certificate = settings.tls === null ? null : await certificateOf(host, port, address, settings.tls, timeout);
  const wire = await enter(host, port, address, settings, timeout);
  let missing: string[] | null = null;
  try {
    missing = await ask(wire, address, missingApis());
    const { brokers } = await ask(wire, address, metadata([]));
    return { missing, advertised: brokers.map((broker) => `${broker.host}:${broker.port}`), certificate };
  } catch (error) {
    if (settings.tls === null && (await speaksTls(host, port, timeout))) throw needsTls(address, error);
    if (!(error instanceof Transient)) throw error;
    if (missing !== null && settings.sasl === null)
      throw new MillraceError('authentication_failed', `${address} cuts the connection when asked without a user.`, {
        hint: 'Add sasl: with mechanism, username and password to the transport.',
        cause: error,
      });
    throw new MillraceError('broker_refused', `${address} does not answer as a Kafka broker does: ${error.message}`, {
      hint: 'Check that Kafka listens on this port.',
      cause: error,
    });
  } finally {
    wire.close();
  }
}

/** Asks, without doing it, whether this user may make such a topic. Throws not_authorized, or broker_refused with the broker's own words. */
export async function mayCreate(address: string, settings: KafkaSettings, topic: NewTopic, timeout: number): Promise<void> {
  const { host, port } = parsed(address);
  const wire = await enter(host, port, address, settings, timeout);
  try {
    const [answer] = await ask(wire, address, createTopics([topic], timeout, true));
    if (answer !== undefined && answer.error !== CODE.none && answer.error !== CODE.topicExists)
      throw refusal(answer.error, `making topics such as ${topic.name}`, answer.said);
  } finally {
    wire.close();
  }
}

function parsed(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

async function resolve(host: string): Promise<void> {
  if (isIP(host) !== 0) return;
  try {
    await lookup(host);
  } catch (cause) {
    throw new MillraceError('broker_unreachable', `The name ${host} stands for no address (${(cause as NodeJS.ErrnoException).code}).`, {
      hint: 'Check its spelling; a name of a container network is known inside that network only.',
      cause,
    });
  }
}

function reach(host: string, port: number, address: string, timeout: number): Promise<Socket> {
  return new Promise((done, reject) => {
    const socket = openSocket({ host, port, timeout });
    const fail = (message: string, hint: string): void => {
      socket.destroy();
      reject(new MillraceError('broker_unreachable', message, { hint }));
    };
    socket.once('connect', () => done(socket.setTimeout(0)));
    socket.once('timeout', () => fail(`Nothing answers at ${address} within ${timeout} ms.`, 'A firewall may swallow the connection, or the machine is off.'));
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      code === 'ECONNREFUSED'
        ? fail(`Nothing listens at ${address}.`, 'Start the broker, or check the port.')
        : fail(`No connection to ${address}: ${message === '' ? code : message}.`, 'Check the address and the network.'),
    );
  });
}

/** Shakes hands without judging, so that what is wrong with the certificate can be said. */
async function certificateOf(
  host: string,
  port: number,
  address: string,
  tls: NonNullable<KafkaSettings['tls']>,
  timeout: number,
): Promise<BrokerFacts['certificate']> {
  const socket = await shake(host, port, tls, timeout).catch((cause: NodeJS.ErrnoException) => {
    const silent = cause.code === 'ETIMEDOUT';
    throw new MillraceError(
      silent ? 'broker_unreachable' : 'tls_failed',
      silent ? `${address} takes connections and does not answer within ${timeout} ms.` : `${address} does not speak TLS (${cause.code ?? cause.message}).`,
      {
        hint: silent ? 'It may hang, or not be a TLS listener: look at its log.' : 'Use the port of its TLS listener, or leave out tls in the profile.',
        cause,
      },
    );
  });
  const certificate = socket.getPeerCertificate();
  const error = socket.authorizationError as unknown as Error | string | null;
  socket.destroy();
  const facts = { subject: nameOf(certificate), until: Date.parse(certificate.valid_to) };
  if (error === null || error === undefined) return facts;
  const code = typeof error === 'string' ? error : ((error as NodeJS.ErrnoException).code ?? error.message);
  throw new MillraceError('tls_failed', `The certificate of ${address} (${facts.subject}) is not trusted: ${code}.`, { hint: tlsHint(code, certificate) });
}

function shake(host: string, port: number, tls: NonNullable<KafkaSettings['tls']> | null, timeout: number): Promise<TLSSocket> {
  return new Promise((done, reject) => {
    const named = isIP(host) === 0 ? { servername: host } : {};
    const socket = openTls({
      host,
      port,
      ...named,
      rejectUnauthorized: false,
      ...(tls?.ca ? { ca: tls.ca } : {}),
      ...(tls?.cert ? { cert: tls.cert } : {}),
      ...(tls?.key ? { key: tls.key } : {}),
    });
    socket.setTimeout(timeout, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    socket.once('secureConnect', () => done(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
  });
}

function nameOf({ subject, subjectaltname }: PeerCertificate): string {
  return [subject?.CN, subjectaltname].filter((part) => part !== undefined && part !== '').join('; ') || 'no name';
}

function tlsHint(code: string, { valid_from, valid_to }: PeerCertificate): string {
  if (code === 'CERT_HAS_EXPIRED') return `It was good until ${valid_to}: the broker needs a new one.`;
  if (code === 'CERT_NOT_YET_VALID') return `It is good from ${valid_from}: check the clocks.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'It is for another name: use that name in brokers, or have one made for this.';
  return "Give the authority's certificate in the profile: tls: { ca: ca.pem }.";
}

async function enter(host: string, port: number, address: string, settings: KafkaSettings, timeout: number): Promise<Wire> {
  try {
    const { tls, sasl } = settings;
    return await connect(host, port, { clientId: CLIENT_ID, tls, sasl, connectTimeout: timeout, requestTimeout: timeout });
  } catch (error) {
    const failure = wireFailure(error, address);
    if (settings.tls === null && failure.code !== 'authentication_failed' && (await speaksTls(host, port, timeout))) throw needsTls(address, error);
    throw failure instanceof Transient ? new MillraceError('broker_unreachable', failure.message, { cause: error }) : failure;
  }
}

async function speaksTls(host: string, port: number, timeout: number): Promise<boolean> {
  return shake(host, port, null, timeout).then(
    (socket) => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}

function needsTls(address: string, cause: unknown): MillraceError {
  return new MillraceError('tls_failed', `${address} speaks TLS, and the profile has none.`, {
    hint: 'Add tls: true or tls: { ca: ca.pem } to the transport.',
    cause,
  });
}
