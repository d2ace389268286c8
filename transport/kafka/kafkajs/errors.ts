import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, MillraceError } from '@millrace/runtime/errors.ts';

/** What kafkajs threw, as far as it tells something: its errors wrap one another. */
interface Said {
  readonly name: string;
  /** Kafka's name of an error code, such as NOT_LEADER_FOR_PARTITION */
  readonly type: string;
  /** Kafka's number, or a socket's word */
  readonly code: string;
  readonly message: string;
}

function chain(error: unknown): Said[] {
  const found: Said[] = [];
  for (let at = error as Record<string, unknown> | undefined; at instanceof Error && found.length < 8; at = at.cause as typeof at) {
    const { name, message, type, code, errors, partitions } = at as unknown as Said & { errors?: unknown; partitions?: unknown };
    found.push({ name, message, type: String(type ?? ''), code: String(code ?? '') });
    for (const inner of Array.isArray(errors) ? errors : []) found.push(...chain(inner));
    for (const inner of Array.isArray(partitions) ? partitions : []) found.push(...chain((inner as { error?: unknown }).error));
  }
  return found;
}

const TLS = /certificate|self.signed|unable to (verify|get)|altname|EPROTO|SSL|TLS/i;
const FENCED = /^(INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)$|Unknown error code 90\b/;
const UNAUTHORIZED = /AUTHORIZATION_FAILED$/;
const TOO_LARGE = /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/;
const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION';

/** a broker that goes down says this too, not only one that does not speak TLS */
const CUT_SHORT = /disconnected before secure TLS/;

/** codes that trying again cannot change */
const FINAL: ReadonlySet<string> = new Set(['authentication_failed', 'tls_failed', 'not_authorized', 'message_too_large', 'fenced', 'broker_refused']);

function codeOf(said: readonly Said[]): ErrorCode {
  const any = (test: (one: Said) => boolean) => said.some(test);
  if (any(({ name, type }) => name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED' || type === 'UNSUPPORTED_SASL_MECHANISM'))
    return 'authentication_failed';
  if (any(({ name, message, code }) => name === 'KafkaJSConnectionError' && TLS.test(`${code} ${message}`))) return 'tls_failed';
  if (any(({ type }) => UNAUTHORIZED.test(type))) return 'not_authorized';
  if (any(({ type, message }) => FENCED.test(type) || FENCED.test(message))) return 'fenced';
  if (any(({ type }) => TOO_LARGE.test(type))) return 'message_too_large';
  if (any(({ type }) => type === UNKNOWN_TOPIC)) return 'unknown_topic';
  const protocol = said.find(({ type }) => type !== '');
  if (protocol !== undefined && !RETRIABLE.test(protocol.type)) return 'broker_refused';
  return 'broker_unreachable';
}

const RETRIABLE =
  /^(LEADER_NOT_AVAILABLE|NOT_LEADER_FOR_PARTITION|REQUEST_TIMED_OUT|REPLICA_NOT_AVAILABLE|NETWORK_EXCEPTION|GROUP_LOAD_IN_PROGRESS|GROUP_COORDINATOR_NOT_AVAILABLE|NOT_COORDINATOR_FOR_GROUP|NOT_ENOUGH_REPLICAS|NOT_ENOUGH_REPLICAS_AFTER_APPEND|NOT_CONTROLLER|CONCURRENT_TRANSACTIONS|KAFKA_STORAGE_ERROR|FENCED_LEADER_EPOCH|UNKNOWN_LEADER_EPOCH|OFFSET_NOT_AVAILABLE|UNKNOWN|THROTTLING_QUOTA_EXCEEDED)$/;

/** The name of the first Kafka error code in it, or ''. */
export function typeOf(error: unknown): string {
  return chain(error).find(({ type }) => type !== '')?.type ?? '';
}

/** Where the connection broke, when that is what happened. */
export function brokenAt(error: unknown): { host: string; port: number } | null {
  const found = error as { name?: string; host?: string; port?: number | string };
  return found?.name === 'KafkaJSConnectionClosedError' && found.host !== undefined ? { host: found.host, port: Number(found.port) } : null;
}

/**
 * Whether a connection stands that kafkajs has not finished to set up, and never will: when a broker is slow to answer the first request it takes the connection for a
 * good one nevertheless. Only to disconnect helps.
 */
export function isHalfOpen(error: unknown): boolean {
  return chain(error).some(({ message }) => message.includes('Broker not connected'));
}

/** What went wrong, with the thing it was about (`topic orders`, `brokers a:9092, b:9092`). Says nothing of credentials. */
export function failure(error: unknown, about: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const said = chain(error);
  const code = codeOf(said);
  const last = said.find(({ type }) => type !== '') ?? said.at(-1);
  const words = last === undefined ? String(error) : `${last.message}${last.type === '' || last.message.includes(last.type) ? '' : ` (${last.type})`}`;
  return new MillraceError(code, `Kafka, ${about}: ${words}`, { cause: error });
}

/**
 * Does the work again, with short pauses, while what it throws may pass, for `patience` ms. A topic that is unknown may be one that
 * is not known everywhere yet.
 */
export async function patiently<T>(patience: number, about: string, work: () => Promise<T>): Promise<T> {
  let over = false;
  const timer = setTimeout(() => {
    over = true;
  }, patience);
  try {
    for (let pause = 10; ; pause = Math.min(pause * 2, 200)) {
      try {
        return await work();
      } catch (error) {
        const failed = failure(error, about);
        if (over || isFinal(failed)) throw failed;
      }
      await sleep(pause);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Gives up waiting after `patience` ms; the work itself may still go on. */
export async function within<T>(patience: number, about: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new MillraceError('broker_unreachable', `Kafka, ${about}: no answer within ${patience} ms.`)), patience);
  });
  try {
    return await Promise.race([work, over]);
  } catch (error) {
    throw failure(error, about);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether trying again cannot help. */
export function isFinal(error: MillraceError): boolean {
  return FINAL.has(error.code) && !CUT_SHORT.test(error.message);
}
