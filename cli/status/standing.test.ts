import { describe, expect, test } from 'vitest';
import { analyzeProgress, recordProgress } from './progress.case.ts';
import { type Stage, Standing } from './standing.ts';

const MINUTE = 60_000;

function setUp(stages: readonly Stage[] = ['preprocess', 'analyze']): { clock: { ms: number }; standing: Standing } {
  const clock = { ms: 1000 };
  const time = { now: () => 0, monotonic: () => clock.ms, cpu: () => 0 };
  return { clock, standing: new Standing({ stages, clock: time, patience: { preprocess: MINUTE, analyze: 30 * MINUTE } }) };
}

describe('ready', () => {
  test('once every stage has recovered, until it is told to stop', () => {
    const { standing } = setUp();
    expect(standing.ready()).toEqual({ ok: false, reasons: ['preprocess is recovering', 'analyze is recovering'] });
    standing.hearRecords(recordProgress());
    expect(standing.ready().reasons).toEqual(['analyze is recovering']);
    standing.hearAnalyze(analyzeProgress());
    expect(standing.ready()).toEqual({ ok: true, reasons: [] });
    standing.stop();
    expect(standing.ready().reasons).toEqual(['preprocess is stopping', 'analyze is stopping']);
    expect(standing.health().ok).toBe(true);
  });

  test('waits only for what this process runs', () => {
    const { standing } = setUp(['analyze']);
    standing.hearAnalyze(analyzeProgress());
    expect(standing.ready().ok).toBe(true);
  });

  test('also where another process has the analyzer, and told to stop it is stopping', () => {
    const { standing } = setUp();
    standing.hearRecords(recordProgress());
    standing.hearAnalyze(analyzeProgress({ state: 'standing_by' }));
    expect(standing.ready()).toEqual({ ok: true, reasons: [] });
    standing.stop();
    expect(standing.ready().reasons).toEqual(['preprocess is stopping', 'analyze is stopping']);
  });

  test('not while dead letters are over their budget, which is no sign of death', () => {
    const { standing } = setUp(['preprocess']);
    standing.hearRecords(recordProgress({ state: 'paused' }));
    expect(standing.ready().reasons).toEqual(['preprocess is paused: more dead letters than dead_letter.budget allows']);
    expect(standing.health().ok).toBe(true);
  });

  test('a stage that has done all it had to is no reason, unless all have', () => {
    const { standing } = setUp();
    standing.hearRecords(recordProgress());
    standing.hearAnalyze(analyzeProgress({ state: 'done' }));
    expect(standing.ready().ok).toBe(true);
    standing.hearRecords(recordProgress({ state: 'done' }));
    expect(standing.ready().reasons).toEqual(['preprocess is done', 'analyze is done']);
  });
});

describe('health', () => {
  test('however long recovery takes, and then only as long as the loops turn', () => {
    const { clock, standing } = setUp();
    clock.ms += 100 * MINUTE;
    expect(standing.health()).toEqual({ ok: true, reasons: [] });
    standing.hearRecords(recordProgress());
    standing.hearAnalyze(analyzeProgress());
    clock.ms += MINUTE;
    expect(standing.health().ok).toBe(true);
    clock.ms += 1;
    expect(standing.health().reasons).toEqual(['preprocess has not turned for 60 s']);
    expect(standing.ready().ok).toBe(false);
    standing.hearRecords(recordProgress());
    expect(standing.health().ok).toBe(true);
    clock.ms += 30 * MINUTE;
    expect(standing.health().reasons).toHaveLength(2);
  });

  test('what stands by is to turn as well', () => {
    const { clock, standing } = setUp(['analyze']);
    standing.hearAnalyze(analyzeProgress({ state: 'standing_by' }));
    clock.ms += 30 * MINUTE;
    expect(standing.health().ok).toBe(true);
    clock.ms += 1;
    expect(standing.health().reasons).toEqual(['analyze has not turned for 1800 s']);
  });

  test('a thread that is stuck is seen behind others that turn', () => {
    const { standing } = setUp(['preprocess']);
    standing.hearRecords(recordProgress({ silentMs: MINUTE }));
    expect(standing.health().ok).toBe(true);
    standing.hearRecords(recordProgress({ silentMs: MINUTE + 1 }));
    expect(standing.health().ok).toBe(false);
  });

  test('a stage that has failed is named with its code', () => {
    const { standing } = setUp();
    standing.hearRecords(recordProgress());
    standing.hearAnalyze(analyzeProgress());
    standing.fail('analyze', 'storage_full');
    expect(standing.health()).toEqual({ ok: false, reasons: ['analyze has failed: storage_full'] });
    expect(standing.ready()).toEqual(standing.health());
    expect(standing.of('analyze').state).toBe('failed');
  });
});
