/**
 * Every error millrace can name, in one table: where it may appear, whether trying again can help, and the way out.
 * `docs/errors.md` is generated from it and a test compares both with every use in the sources.
 */
export interface ErrorEntry {
  /** lint: a finding about a file · record: a dead letter's code · run: stops a run · usage: a wrong call */
  readonly kind: 'lint' | 'record' | 'run' | 'usage';
  readonly meaning: string;
  readonly hint: string;
  readonly retryable?: true;
}

const table = {
  // lint: pipeline/
  schema_invalid: { kind: 'lint', meaning: 'The Avro schema cannot be used.', hint: 'Mend the schema at the place named.' },
  union_unsupported: { kind: 'lint', meaning: 'The schema has a union other than of null and one type.', hint: 'Make it nullable, or split it into a field for each type.' },
  yaml_syntax: { kind: 'lint', meaning: 'The file is not well-formed YAML.', hint: 'Mend the syntax at the position given.' },
  // record: a dead letter's code
  late: { kind: 'record', meaning: 'The record came after the watermark had passed what it belongs to.', hint: 'Raise out_of_order or allowed_lateness, or accept the loss with late: drop.' },
  null_key: { kind: 'record', meaning: 'A key column of a keyed step or output is NULL.', hint: 'Filter such records first, or give the key a default with coalesce in a map.' },
  schema_mismatch: { kind: 'record', meaning: 'The record does not fit the schema of its source.', hint: 'Mend the producer, or change the schema.' },
  undecodable: { kind: 'record', meaning: 'The bytes are no record of the format the source names.', hint: 'Check the format and what writes to the source.' },
  value_out_of_range: { kind: 'record', meaning: 'The value does not fit the type of the field it goes to.', hint: 'Cast or round it, or widen the field in the output schema.' },
  // run: runtime, transport, preprocessor
  already_running: { kind: 'run', meaning: 'Another process runs this pipeline on the same data directory.', hint: 'Stop that process first, or use another --data-dir.' },
  log_too_short: { kind: 'run', meaning: 'A topic ends before the place up to which it was read earlier.', hint: 'Its tail was lost or the topic made anew: restore it, or start with a new data directory.' },
  records_gone: { kind: 'run', meaning: 'Records that are still to be read were removed from a topic.', hint: 'Start with a new data directory.' },
  partition_count_changed: { kind: 'run', meaning: 'A topic has another number of partitions than asked for.', hint: 'Keep the number, or start with a new data directory.' },
  storage_corrupt: { kind: 'run', meaning: 'The data directory holds a database that cannot be read.', hint: 'Restore it from a copy, or start with a new data directory.' },
  storage_full: { kind: 'run', meaning: 'There is no space left to write to.', hint: 'Free some space on the disk and start again: nothing committed is lost.', retryable: true },
  storage_unusable: { kind: 'run', meaning: 'The data directory cannot be opened or written to.', hint: 'Check that it is a directory on a local disk, and its owner and permissions.' },
  unknown_topic: { kind: 'run', meaning: 'The topic does not exist.', hint: 'Check its name, or run the pipeline that writes it first.' },
  schema_incompatible: { kind: 'run', meaning: 'A new version of a schema breaks those who read or write the old one.', hint: 'Give new fields defaults, or use another subject.' },
  fenced: { kind: 'run', meaning: 'Another process has taken over this pipeline.', hint: 'Stop one of the two.' },
  // run: cli/
  bad_line: { kind: 'run', meaning: 'A line of the input is no record that the topic can take.', hint: 'Mend the line; what came before it is written.' },
  data_dir_missing: { kind: 'run', meaning: 'There is no data directory at this path.', hint: 'Run the pipeline first, or pass --data-dir.' },
  defect: { kind: 'run', meaning: 'Something went wrong that millrace did not foresee.', hint: 'Run again with --debug for the stack trace, and report it with the pipeline file.' },
  topic_missing: { kind: 'run', meaning: 'The log has no such topic.', hint: 'See millrace topic list.' },
  // usage: cli/
  already_there: { kind: 'usage', meaning: 'A file that would be written is there already.', hint: 'Name another directory.' },
  file_unreadable: { kind: 'usage', meaning: 'A file named on the command line is missing or cannot be read.', hint: 'Check the path.' },
  not_found_here: { kind: 'usage', meaning: 'Nothing here says which data directory or profile is meant.', hint: 'Pass --data-dir or --pipeline.' },
  wrong_usage: { kind: 'usage', meaning: 'The command was called in a way it does not know.', hint: 'See millrace --help.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof table;
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = table;

/** An error with a code of the table, that a person can act on. Anything else thrown is a defect. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errorTable[code].hint;
  }
}
