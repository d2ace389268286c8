import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { AnalyzeOptions } from '../run-options.ts';
import { Dismissed } from './jobs.ts';
import type { RedisConnection } from './redis.ts';

/** how often the one that leads says so, and the others look, ms */
const BEAT_EVERY = 1000;
/** after so long without a word another leads, ms: a fit on a busy machine keeps the event loop for many seconds */
const PATIENCE = 60_000;

type Store = Pick<RedisConnection['client'], 'get' | 'set' | 'del' | 'pexpire'>;

/** The lead, until it is given up. */
export interface Lead {
  close(): Promise<void>;
}

/**
 * Which of several analyzers on a cluster works: the others stand by here, before they touch anything, until that one is silent. It is a courtesy that keeps them from taking
 * over from each other in turn. What keeps two from working at once is the fence of the brokers, whatever Redis says or has lost. A process that was
 * started again, of the same `instance` or else on the same machine, data directory and address of its status page, has the lead that it had.
 * @throws Dismissed when it is told to stop before
 */
export async function takeLead(store: Store, options: Pick<AnalyzeOptions, 'plan' | 'profile' | 'dataDir' | 'signal' | 'onEvent'>): Promise<Lead> {
  const { plan, profile, dataDir, signal, onEvent } = options;
  const cluster = createHash('sha256').update(JSON.stringify(profile.transport.kafka?.brokers.toSorted())).digest('hex').slice(0, 8);
  const key = `millrace:${encodeURIComponent(plan.name)}.${cluster}.analyzer`;
  const address = profile.http === null ? [] : [`${profile.http.host}:${profile.http.port}`];
  const mine = profile.transport.kafka?.instance ?? [hostname(), dataDir, ...address].join(' ');
  /** whose it is now */
  const ask = async (): Promise<string | null> => {
    if ((await store.set(key, mine, 'PX', PATIENCE, 'NX')) === 'OK') return mine;
    const leader = await store.get(key);
    if (leader === mine) await store.pexpire(key, PATIENCE);
    return leader;
  };
  const told = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  for (let said = false; ; ) {
    const leader = await Promise.race([ask(), told]);
    if (signal.aborted) throw new Dismissed('told to stop while it stood by');
    if (leader === mine) break;
    if (!said && leader !== null) {
      said = true;
      onEvent({ level: 'info', code: 'standing_by', message: `An analyzer of ${plan.name} is at work (${leader}). Standing by to take over.` });
    }
    await Promise.race([pause(BEAT_EVERY), told]);
  }
  let asking = false;
  const beat = setInterval(() => {
    // while Redis is away the last one waits
    if (asking) return;
    asking = true;
    void ask()
      .catch(() => null)
      .then(() => {
        asking = false;
      });
  }, BEAT_EVERY);
  beat.unref();
  return {
    async close() {
      clearInterval(beat);
      const given = store.get(key).then((leader) => (leader === mine ? store.del(key) : 0));
      await Promise.race([given.catch(() => 0), pause(BEAT_EVERY)]);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
