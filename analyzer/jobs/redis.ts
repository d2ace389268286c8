import type { RedisProfile } from '@millrace/pipeline/profile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { Redis, type RedisOptions } from 'ioredis';

/** a first connection takes no longer, ms */
const CONNECT_WITHIN = 5000;
/** how often a server is asked whether it is there, and how long it may take to answer, ms */
const ASK_EVERY = 1000;
const ANSWER_WITHIN = 3000;
/** between two attempts to come back, ms */
const RETRY_FIRST = 100;
const RETRY_MOST = 1000;
/** what BullMQ 6 and ioredis 6 need */
const LEAST = [6, 2] as const;

type Say = (event: { level: 'info' | 'warn' | 'error'; code: string; message: string }) => void;

/** A connection that comes back by itself; commands wait meanwhile. */
export interface RedisConnection {
  /** for the job library alone */
  readonly client: Redis;
  /** whether it is lost just now */
  readonly away: boolean;
  close(): void;
}

/**
 * Connects, and says once when the connection is lost and once when it is back.
 * @throws MillraceError redis_unreachable, redis_refused, redis_too_old
 */
export async function connectRedis(profile: RedisProfile, say: Say): Promise<RedisConnection> {
  const client = new Redis({
    ...optionsOf(profile),
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(RETRY_MOST, RETRY_FIRST * times),
  });
  let away = false;
  let closed = false;
  let last = '';
  client.on('error', (error: Error) => {
    last = reasonOf(error);
  });
  try {
    await ready(client, profile);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  const lost = (): void => {
    if (away || closed) return;
    away = true;
    say({ level: 'warn', code: 'redis_away', message: `The connection to Redis at ${addressOf(profile)} is lost; batches wait until it is back.` });
  };
  const found = (): void => {
    if (!away || closed) return;
    away = false;
    say({ level: 'info', code: 'redis_back', message: `Redis at ${addressOf(profile)} is back${last === '' ? '' : ` (${last})`}.` });
    last = '';
  };
  client.on('close', lost);
  const asking = keepAsking(client, lost, found);
  return {
    client,
    get away() {
      return away;
    },
    close() {
      closed = true;
      clearInterval(asking);
      client.disconnect();
    },
  };
}

/** A server that hangs keeps its connections: it is asked now and then, and lost when it does not answer. */
function keepAsking(client: Redis, lost: () => void, found: () => void): NodeJS.Timeout {
  let asked = false;
  return setInterval(() => {
    if (asked) return;
    asked = true;
    const late = setTimeout(lost, ANSWER_WITHIN);
    client
      .ping()
      .then(found, () => {})
      .finally(() => {
        clearTimeout(late);
        asked = false;
      });
  }, ASK_EVERY).unref();
}

/** Whether a pipeline can run on it. Throws as `connectRedis` does; gives the server's version. */
export async function checkRedis(profile: RedisProfile): Promise<string> {
  const client = new Redis({ ...optionsOf(profile), retryStrategy: () => null });
  client.on('error', () => {});
  try {
    return await ready(client, profile);
  } finally {
    client.disconnect();
  }
}

function optionsOf({ host, port, db, username, password, tls }: RedisProfile): RedisOptions {
  return {
    host,
    port,
    db,
    lazyConnect: true,
    connectTimeout: CONNECT_WITHIN,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls === null ? {} : { tls: defined(tls) }),
  };
}

function defined({ ca, cert, key }: NonNullable<RedisProfile['tls']>): { ca?: string; cert?: string; key?: string } {
  return { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) };
}

/** Gives the version. */
async function ready(client: Redis, profile: RedisProfile): Promise<string> {
  let failure: Error | null = null;
  const failed = new Promise<never>((_, reject) => {
    client.once('error', (error: Error) => {
      failure = error;
      reject(error);
    });
  });
  failed.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CONNECT_WITHIN / 1000} s`)), CONNECT_WITHIN);
  });
  let info: string;
  try {
    info = await Promise.race([client.connect().then(() => client.info('server')), failed, late]);
  } catch (error) {
    throw refusal((failure as Error | null) ?? (error as Error), profile);
  } finally {
    clearTimeout(timer);
  }
  const version = /redis_version:([\d.]+)/.exec(info)?.[1] ?? '0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1]))
    throw new MillraceError('redis_too_old', `Redis at ${addressOf(profile)} is version ${version}; it must be ${LEAST.join('.')} or newer.`);
  return version;
}

function refusal(error: Error, profile: RedisProfile): MillraceError {
  const where = `Redis at ${addressOf(profile)}`;
  const reason = reasonOf(error);
  if (/^(WRONGPASS|NOAUTH|NOPERM|ERR (AUTH|invalid password|Client sent AUTH))/.test(error.message))
    return new MillraceError('redis_refused', `${where} refuses the user or the password: ${reason}.`);
  return new MillraceError('redis_unreachable', `${where} cannot be reached: ${reason}.`);
}

/** In a few words, with nothing of the command that failed: it may hold a password. */
function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && /^[A-Z_0-9]+$/.test(code)) return code;
  const [first = ''] = error.message.split('\n');
  return first.replace(/\.$/, '');
}

function addressOf({ host, port }: RedisProfile): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
