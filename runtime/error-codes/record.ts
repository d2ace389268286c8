import type { ErrorEntry } from './entry.ts';

/** Codes of dead letters. */
export const recordErrors = {
  late: {
    kind: 'record',
    meaning: 'The record came after the watermark had passed what it belongs to.',
    hint: 'Raise out_of_order or allowed_lateness, or accept the loss with late: drop.',
  },
  event_time_ahead: {
    kind: 'record',
    meaning: 'The event time is further ahead of the log than max_ahead allows.',
    hint: 'Mend the clock of the producer, or raise max_ahead.',
  },
  expression_failed: {
    kind: 'record',
    meaning: 'An expression raised an error for this record, as it would in DuckDB.',
    hint: 'Guard it with CASE, coalesce or TRY_CAST, or filter such records first.',
  },
  invalid_event_time: {
    kind: 'record',
    meaning: 'The record has no event time, or one outside the years 1 to 9999.',
    hint: 'Check the unit: an event time is in epoch milliseconds.',
  },
  killed_process: {
    kind: 'record',
    meaning: 'Processing the record ended the process three times.',
    hint: 'Look at the record; it may need more memory than there is.',
  },
  lookup_missing: {
    kind: 'record',
    meaning: 'The table has no row of the key, and the lookup says missing: dead_letter.',
    hint: 'Add the row to the table, or let such records pass with missing: null.',
  },
  record_too_large: { kind: 'record', meaning: 'The record is larger than max_record of its source.', hint: 'Raise max_record, or make the records smaller.' },
  null_key: {
    kind: 'record',
    meaning: 'A key column of a keyed step or output is NULL.',
    hint: 'Filter such records first, or give the key a default with coalesce in a map.',
  },
  schema_mismatch: { kind: 'record', meaning: 'The record does not fit the schema of its source.', hint: 'Mend the producer, or change the schema.' },
  undecodable: { kind: 'record', meaning: 'The bytes are no record of the format the source names.', hint: 'Check the format and what writes to the source.' },
  value_out_of_range: {
    kind: 'record',
    meaning: 'The value does not fit the type of the field it goes to.',
    hint: 'Cast or round it, or widen the field in the output schema.',
  },
} as const satisfies Record<string, ErrorEntry>;
