import type { ErrorEntry } from './entry.ts';

const START_OVER = 'start over: with a new data directory, on Kafka without the topic PIPELINE.ledger';

/** What stops a run: the file, its state, topics and files. */
export const runErrors = {
  dead_letter_budget: {
    kind: 'run',
    meaning: 'More of the records became dead letters than the budget of the pipeline allows.',
    hint: 'Look at the dead-letter topic with millrace topic cat; raise dead_letter.budget when they are expected.',
  },
  endless_source: {
    kind: 'run',
    meaning: 'A run to the end of its input reads a source that has none.',
    hint: 'Give the generator a count, or run without --until end.',
  },
  lost_tail: {
    kind: 'run',
    meaning: 'An exchange log does not hold what its writer says it wrote.',
    hint: 'The data directory was damaged or edited: go back to a copy of it, or start with a new one.',
  },
  plan_changed: {
    kind: 'run',
    meaning: 'The pipeline file was edited in a way that the saved state cannot follow.',
    hint: `Go on with the file as it was, or ${START_OVER}.`,
  },
  record_failed: {
    kind: 'run',
    meaning: 'A record could not be processed at a step that says on_error: fail.',
    hint: 'Mend the record or the step; on_error: dead_letter lets the rest go on.',
  },
  replay_diverged: {
    kind: 'run',
    meaning: 'Replaying the journal gave another result than the one committed: a defect of millrace, or a damaged data directory.',
    hint: `Keep a copy of the data directory and report it, then ${START_OVER}.`,
  },
  already_running: {
    kind: 'run',
    meaning: 'Another process runs this pipeline on the same data directory.',
    hint: 'Stop that process first, or use another --data-dir.',
  },
  log_too_short: {
    kind: 'run',
    meaning: 'A topic ends before the place up to which it was read earlier.',
    hint: `Its tail was lost or the topic made anew: restore it, or ${START_OVER}.`,
  },
  records_gone: { kind: 'run', meaning: 'Records that are still to be read were removed from a topic.', hint: `Restore them, or ${START_OVER}.` },
  topic_made_anew: {
    kind: 'run',
    meaning: 'A topic that was read was deleted and made again: the places up to which it was read mean other records now.',
    hint: `Give it another name, or ${START_OVER}.`,
  },
  partition_count_changed: {
    kind: 'run',
    meaning: 'A topic has another number of partitions than asked for.',
    hint: `Keep the number, or ${START_OVER}.`,
  },
  query_failed: {
    kind: 'run',
    meaning: 'A query of analyze fails over the rows of a batch together, though over no row alone.',
    hint: 'Mend its SQL: a sum may overflow, a subquery give more than one row.',
  },
  sink_truncated: {
    kind: 'run',
    meaning: 'A file that the pipeline writes is shorter than what was committed to it.',
    hint: `Restore it, or ${START_OVER}.`,
  },
  sink_unwritable: {
    kind: 'run',
    meaning: 'A file that the pipeline writes cannot be opened or written.',
    hint: 'Check its path, its owner and its permissions.',
  },
  source_changed: {
    kind: 'run',
    meaning: 'The part of an input file that was read already is no longer what it was.',
    hint: `Restore the file (only appending to it is allowed), or ${START_OVER}.`,
  },
  source_missing: { kind: 'run', meaning: 'An input file is not there.', hint: 'Check the path in the pipeline file: it counts from that file.' },
  source_unreadable: { kind: 'run', meaning: 'An input file cannot be read.', hint: 'Check its path, its permissions and its format.' },
  storage_corrupt: {
    kind: 'run',
    meaning: 'The data directory holds a database that cannot be read.',
    hint: 'Restore it from a copy, or start with a new data directory.',
  },
  generator_failed: {
    kind: 'run',
    meaning: 'An expression of a generator raised an error, or gave what its field cannot hold.',
    hint: 'Guard it with CASE, coalesce or TRY_CAST.',
  },
  storage_full: {
    kind: 'run',
    meaning: 'There is no space left to write to.',
    hint: 'Free some space on the disk and start again: nothing committed is lost.',
    retryable: true,
  },
  storage_unusable: {
    kind: 'run',
    meaning: 'The data directory cannot be opened or written to.',
    hint: 'Check that it is a directory on a local disk, and its owner and permissions.',
  },
  unknown_topic: { kind: 'run', meaning: 'The topic does not exist.', hint: 'Check its name, or run the pipeline that writes it first.' },
  schema_incompatible: {
    kind: 'run',
    meaning: 'A new version of a schema breaks those who read or write the old one.',
    hint: 'Give new fields defaults, or use another subject.',
  },
  fenced: { kind: 'run', meaning: 'Another process has taken over this pipeline.', hint: 'Stop one of the two.' },
  topic_shared: { kind: 'run', meaning: 'Two pipelines write one topic, one of them at once.', hint: 'Give each pipeline a topic of its own.' },
} as const satisfies Record<string, ErrorEntry>;
