import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Dismissed } from './jobs.ts';
import { takeLead } from './lead.ts';

type Store = Parameters<typeof takeLead>[0];

/** What of Redis is asked for, with vitest's clock. */
class FakeStore {
  readonly values = new Map<string, { text: string; until: number }>();
  async get(key: string): Promise<string | null> {
    const found = this.values.get(key);
    return found !== undefined && found.until > vi.getMockedSystemTime()!.getTime() ? found.text : null;
  }
  async set(key: string, text: string, _: 'PX', ms: number): Promise<'OK' | null> {
    if ((await this.get(key)) !== null) return null;
    this.values.set(key, { text, until: vi.getMockedSystemTime()!.getTime() + ms });
    return 'OK';
  }
  async del(key: string): Promise<number> {
    return Number(this.values.delete(key));
  }
  async pexpire(key: string, ms: number): Promise<number> {
    const text = await this.get(key);
    if (text !== null) this.values.set(key, { text, until: vi.getMockedSystemTime()!.getTime() + ms });
    return Number(text !== null);
  }
}

let store: FakeStore;
let said: string[];
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  store = new FakeStore();
  said = [];
});
afterEach(() => vi.useRealTimers());

const lead = (dataDir: string, brokers = ['a:1', 'b:1'], signal = new AbortController().signal, instance: string | null = null) =>
  takeLead(
    store as unknown as Store,
    {
      plan: { name: 'shop' },
      profile: { transport: { kafka: { brokers, instance } }, http: null },
      dataDir,
      signal,
      onEvent: ({ code }: { code: string }) => void said.push(code),
    } as unknown as Parameters<typeof takeLead>[1],
  );

/** whether it is settled by now */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), vi.advanceTimersByTimeAsync(0).then(() => false)]);
}

test('one leads, the next stands by until it leaves', async () => {
  const first = await lead('/one');
  const second = lead('/two', ['b:1', 'a:1']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([await settled(second), said]).toEqual([false, ['standing_by']]);
  await first.close();
  await vi.advanceTimersByTimeAsync(1000);
  expect(await settled(second)).toBe(true);
  await (await second).close();
  expect(store.values.size).toBe(0);
});

test('one that is silent for a minute is followed; one that comes back at the same place goes on', async () => {
  await lead('/one');
  vi.clearAllTimers();
  expect(await settled(lead('/one'))).toBe(true);
  vi.clearAllTimers();
  const second = lead('/two');
  await vi.advanceTimersByTimeAsync(59_000);
  expect(await settled(second)).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(await settled(second)).toBe(true);
});

test('a leader says so again where everything was forgotten; on other brokers nobody asks', async () => {
  await lead('/one');
  store.values.clear();
  await vi.advanceTimersByTimeAsync(1000);
  expect(store.values.size).toBe(1);
  expect(await settled(lead('/two', ['c:1']))).toBe(true);
});

test('an instance is the same wherever it is', async () => {
  const named = (dataDir: string, instance: string) => lead(dataDir, undefined, undefined, instance);
  await named('/one', 'a');
  expect([await settled(named('/two', 'a')), await settled(named('/one', 'b'))]).toEqual([true, false]);
});

test('told to stop, one that stands by goes', async () => {
  await lead('/one');
  const stop = new AbortController();
  const second = lead('/two', undefined, stop.signal);
  const ended = expect(second).rejects.toThrow(Dismissed);
  await vi.advanceTimersByTimeAsync(5000);
  stop.abort();
  await ended;
});
