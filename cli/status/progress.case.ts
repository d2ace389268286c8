import type { BatchProgress } from '@millrace/analyzer/batch/progress.ts';
import type { AnalyzeProgress } from '@millrace/analyzer/run-options.ts';
import type { RunProgress } from '@millrace/preprocessor/run-options.ts';

/** Reports as a run gave them once, with what a test wants otherwise. */
export function recordProgress(some: Partial<RunProgress> = {}): RunProgress {
  return {
    elapsedMs: 5000,
    recordsIn: 9419,
    out: { rows: 7581, alerts: 12 },
    deadLetters: 3,
    deadLettersByCode: { undecodable: 2, late: 1 },
    dropped: 4,
    watermark: 1_767_607_204_417,
    lag: { payments: 2, history: 4096, rates: 10 },
    fraction: 0.25,
    state: 'running',
    silentMs: 0,
    commits: { count: 40, snapshots: 2, ms: 80 },
    tables: { taken: 3, refused: 1 },
    ...some,
  };
}

export function analyzeProgress(some: Partial<AnalyzeProgress> = {}): AnalyzeProgress {
  return {
    elapsedMs: 5000,
    batch: 41,
    batches: 6,
    rowsIn: 7425,
    out: { windows: 20 },
    deadLetters: 1,
    deadLettersByCode: { expression_failed: 1 },
    dropped: 0,
    late: { per_card: 5 },
    watermarks: { per_card: 1_767_607_204_224, scored: null },
    lag: { clean: 9 },
    models: { fraud: 'a1b2', other: null },
    state: 'running',
    ...some,
  };
}

export function batchProgress(some: Partial<BatchProgress> = {}): BatchProgress {
  return {
    id: 'minutes',
    runId: '0-0',
    name: 'minutes',
    timestamp: '2026-01-05T10:00:00.500Z',
    batchId: 41,
    batchDuration: 40,
    numInputRows: 1500,
    durationMs: { latestOffset: 0, walCommit: 5, getBatch: 0, queryPlanning: 0, addBatch: 25, commitOffsets: 10, triggerExecution: 40 },
    eventTime: {},
    stateOperators: [
      {
        operatorName: 'per_card',
        numRowsTotal: 80,
        numRowsUpdated: 30,
        numRowsRemoved: 10,
        numRowsDroppedByWatermark: 0,
        memoryUsedBytes: 4096,
        numShufflePartitions: 1,
        numStateStoreInstances: 1,
      },
    ],
    sources: [],
    sink: { description: 'windows', numOutputRows: 20 },
    sinks: [{ description: 'windows', numOutputRows: 20 }],
    ...some,
  };
}
