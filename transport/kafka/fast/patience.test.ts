import { expect, test } from 'vitest';
import { CODE, refusal } from './codes.ts';
import { persist } from './patience.ts';

const unknown = (): never => {
  throw refusal(CODE.unknownTopic, 'topic t');
};

test('a topic may be unknown for as long as it is said to, where it was just made', async () => {
  let over = false;
  const look = async (): Promise<string> => (over ? 'there' : unknown());
  await expect(persist(5_000, look, 100)).rejects.toMatchObject({ code: 'unknown_topic', message: 'Kafka, topic t: UNKNOWN_TOPIC_OR_PARTITION.' });
  setTimeout(() => {
    over = true;
  }, 150);
  expect(await persist(5_000, look, 5_000)).toBe('there');
});

test('not longer than everything else', async () => {
  const begun = performance.now();
  await expect(persist(100, async () => unknown(), 60_000)).rejects.toMatchObject({ code: 'unknown_topic' });
  expect(performance.now() - begun).toBeLessThan(30_000);
});
