/** Three processes that start at once on a cluster that holds nothing but their input: all of them make topics, catalog and ledger. `MILLRACE_ROUNDS` is how many clusters. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alerts } from '../support/kafka/alerts-pair.ts';
import { Crew } from '../support/kafka/crew.ts';
import { type Laid, layPair } from '../support/kafka/pair.ts';
import { TO_END } from '../support/kafka/running.ts';
import { describeKafka, startBroker } from '../support/kafka.ts';

const rounds = Number(process.env['MILLRACE_ROUNDS'] ?? 2);

describeKafka('first starts on an empty cluster', () => {
  const base = mkdtempSync(join(tmpdir(), 'millrace-first-'));
  let laid: Laid;
  beforeAll(async () => {
    laid = await layPair(alerts('first', 12_000), base);
  });
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  test.each(Array.from({ length: rounds }, (_, round) => round))('cluster %i', { timeout: 240_000 }, async (round) => {
    const broker = await startBroker();
    try {
      const tag = `first${round}`;
      const more = `visibility: ${round % 2 === 0 ? 'immediate' : 'transactional'}`;
      const crew = await Crew.lay(laid, broker.brokers, join(base, tag), tag, { more });
      try {
        const hands = ['a', 'b', 'c'].map((name) => crew.start(name, TO_END));
        for (const { run } of hands) expect((await run.finished).code, crew.said).toBe(0);
        expect(await crew.wrong(), crew.said).toBe('');
        expect(crew.said).not.toMatch(/fenced|_taken|group_lost/);
      } finally {
        await crew.kill();
      }
    } finally {
      await broker.close();
    }
  });
});
