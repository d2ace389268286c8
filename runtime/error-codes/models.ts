import type { ErrorEntry } from './entry.ts';

/** What stops a run, or refuses a command: models. */
export const modelsErrors = {
  model_invalid: {
    kind: 'run',
    meaning: 'A model cannot be used: another format, or no longer what was written.',
    hint: 'Take the file as it was written, or train the model anew.',
  },
  model_mismatch: {
    kind: 'run',
    meaning: 'The model was trained on other features than the pipeline file names.',
    hint: 'Train it anew, or name the features it was trained on.',
  },
  model_unknown: { kind: 'run', meaning: 'No model, or more than one, is what was asked for.', hint: 'See millrace model list.' },
  rows_forgotten: {
    kind: 'run',
    meaning: 'A model cannot be judged on a window whose rows are no longer kept.',
    hint: 'Judge it on a later window.',
  },
  window_incomplete: {
    kind: 'run',
    meaning: 'A model cannot be judged on a window before all its rows are there.',
    hint: 'Let the pipeline run on, or judge on a window that is over with --from and --to.',
  },
  model_missing: {
    kind: 'run',
    meaning: 'A model was promoted that the data directory does not hold.',
    hint: 'Promote another: millrace model list and millrace model promote.',
  },
} as const satisfies Record<string, ErrorEntry>;
