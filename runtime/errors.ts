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
  ambiguous_from: { kind: 'lint', meaning: 'The step could read several things and does not say which.', hint: 'Say from: with the id it reads.' },
  bad_address: { kind: 'lint', meaning: 'The text is no address of a host and a port.', hint: 'Write host:port, such as localhost:9092.' },
  bad_certificate: {
    kind: 'lint',
    meaning: 'A certificate or key that a profile names cannot be used.',
    hint: 'Give PEM files: certificates, and an unencrypted key that belongs to the certificate.',
  },
  bad_date: { kind: 'lint', meaning: 'The text is no date of the calendar.', hint: 'Write a date as 2018-04-01.' },
  bad_duration: { kind: 'lint', meaning: 'The value is no duration.', hint: 'Write a number and a unit: 250ms, 2s, 1m, 1h, 7d.' },
  bad_enum: { kind: 'lint', meaning: 'The value is none of those allowed here.', hint: 'Use one of the values listed.' },
  bad_event_time: {
    kind: 'lint',
    meaning: 'The field cannot hold an event time.',
    hint: 'Use a long of epoch milliseconds, a timestamp, or in JSON and CSV an ISO 8601 string.',
  },
  bad_name: { kind: 'lint', meaning: 'The text cannot be used as a name here.', hint: 'Use letters, digits and underscores, beginning with a letter.' },
  bad_number: { kind: 'lint', meaning: 'The number is out of the range allowed here.', hint: 'Use a number within the range.' },
  bad_size: { kind: 'lint', meaning: 'The value is no size.', hint: 'Write a number and a unit: 100B, 512KiB, 64MiB, 1GiB.' },
  bad_table: { kind: 'lint', meaning: 'The table cannot be read, or its keys are not unique.', hint: 'Mend the file at the place named.' },
  bad_trigger: { kind: 'lint', meaning: 'The trigger of analyze cannot be understood.', hint: 'Write { every: 1s }, available_now or once.' },
  bad_url: { kind: 'lint', meaning: 'The text is no URL that can be used here.', hint: 'Write http://host:port or https://host:port.' },
  bad_variable: { kind: 'lint', meaning: 'The variable is not written as ${NAME} or ${NAME:-default}.', hint: 'Write $${ for a literal ${.' },
  bad_visibility: { kind: 'lint', meaning: 'The client cannot make records visible in this way.', hint: 'Use client: fast, or visibility: transactional.' },
  bad_watermark: { kind: 'lint', meaning: 'The watermark does not go with the query.', hint: 'Give a duration such as 10s, or leave it out.' },
  bad_window: { kind: 'lint', meaning: 'The sizes of the window do not fit together.', hint: 'See the window step in docs/pipeline-reference.md.' },
  batch_limits: {
    kind: 'lint',
    meaning: 'A note: the statement sees one batch at a time, and its result follows the limits of batches.',
    hint: 'Use an aggregate query for what has to reach over batches.',
  },
  cleartext_password: {
    kind: 'lint',
    meaning: 'A warning: a password goes over the network where others can read along.',
    hint: 'Use TLS, unless nobody else is on that network.',
  },
  dangling_from: { kind: 'lint', meaning: 'The id that is read is not there.', hint: 'Use the id of a source or of a step before this one.' },
  duplicate_column: { kind: 'lint', meaning: 'Two columns have the same name (names differ by more than their case).', hint: 'Rename one of them.' },
  duplicate_id: { kind: 'lint', meaning: 'Two things in the file have the same id.', hint: 'Give each source, step and output an id of its own.' },
  duplicate_key: { kind: 'lint', meaning: 'The key stands twice in one mapping.', hint: 'Keep one of the two.' },
  duplicate_target: { kind: 'lint', meaning: 'Two parts of the file write to the same place.', hint: 'Give each its own path or topic.' },
  empty_secret: { kind: 'lint', meaning: 'A secret has no characters.', hint: 'Set the variable, or write the secret into its file.' },
  forward_from: { kind: 'lint', meaning: 'The step reads one that comes after it.', hint: 'Move the step that is read before this one.' },
  illegal_mode: { kind: 'lint', meaning: 'The mode is not legal for this query, as in Structured Streaming.', hint: 'Use the mode named.' },
  illegal_swap: {
    kind: 'lint',
    meaning: 'The swap at_event_time has no event time to go by.',
    hint: 'Train the model on an output of preprocess, or use swap: immediate.',
  },
  illegal_query: { kind: 'lint', meaning: 'The query cannot read what it reads, as in Structured Streaming.', hint: 'Read the source, or an earlier query.' },
  literal_secret: { kind: 'lint', meaning: 'A secret stands in the file itself.', hint: 'Write "${NAME}" and set the variable, or file:PATH.' },
  missing_event_time: {
    kind: 'lint',
    meaning: 'The step needs the event time of its records, and the source names none.',
    hint: 'Give the source event_time: { field: … }.',
  },
  missing_key: { kind: 'lint', meaning: 'A key that is required is not there.', hint: 'Add the key.' },
  missing_watermark: {
    kind: 'lint',
    meaning: 'The mode append closes windows by a watermark, and the query has none.',
    hint: 'Add watermark: 10s, or on a bridge watermark: bridge.',
  },
  not_yet: { kind: 'lint', meaning: 'A part of the language that this version does not have.', hint: 'Leave it out for now.' },
  not_aggregated: {
    kind: 'lint',
    meaning: 'A column stands beside aggregates and is no key of the step.',
    hint: 'Aggregate it, with first or max, or make it a key.',
  },
  open_address: {
    kind: 'lint',
    meaning: 'Other machines can reach the address of the status page, and there is no token.',
    hint: 'Give a token, or listen on 127.0.0.1.',
  },
  output_mismatch: {
    kind: 'lint',
    meaning: 'What arrives at the output does not fit its schema.',
    hint: 'Add or cast the field in a map step, or change the schema.',
  },
  reserved_name: { kind: 'lint', meaning: 'The name means something to millrace or to JavaScript.', hint: 'Use another name.' },
  schema_invalid: { kind: 'lint', meaning: 'The Avro schema cannot be used.', hint: 'Mend the schema at the place named.' },
  sql_syntax: { kind: 'lint', meaning: 'The text is not one SQL expression.', hint: 'Mend it at the position given.' },
  sql_too_complex: { kind: 'lint', meaning: 'The expression is too long or nests too deep.', hint: 'Split it over several map steps.' },
  type_error: { kind: 'lint', meaning: 'A value of this type does not fit here.', hint: 'Cast it, or use another column.' },
  undefined_variable: { kind: 'lint', meaning: 'The variable is not set and has no default.', hint: 'Set it, or write ${NAME:-default}.' },
  union_mismatch: {
    kind: 'lint',
    meaning: 'The inputs of a union have different columns.',
    hint: 'Make their names and types alike with a map step before the union.',
  },
  union_unsupported: {
    kind: 'lint',
    meaning: 'The schema has a union other than of null and one type.',
    hint: 'Make it nullable, or split it into a field for each type.',
  },
  unknown_column: { kind: 'lint', meaning: 'There is no such column here.', hint: 'Use one of the columns that arrive at this step.' },
  unknown_key: { kind: 'lint', meaning: 'The key means nothing here.', hint: 'Remove it, or mend its spelling.' },
  unknown_model: { kind: 'lint', meaning: 'There is no model of this name.', hint: 'Add it under models.' },
  unknown_schema: { kind: 'lint', meaning: 'There is no schema of this name.', hint: 'Add it under schemas.' },
  unknown_table: { kind: 'lint', meaning: 'There is no table of this name.', hint: 'Add it under tables.' },
  unreadable_file: { kind: 'lint', meaning: 'A file that the pipeline names cannot be read.', hint: 'Check the path: it is relative to the pipeline file.' },
  untrained_model: { kind: 'lint', meaning: 'A warning: nothing in the file trains the model.', hint: 'Add train: and label:, or promote a model by hand.' },
  unsupported_expression: {
    kind: 'lint',
    meaning: 'A form of SQL that the record stage does not have.',
    hint: 'See docs/expressions.md for what it has.',
  },
  unsupported_function: { kind: 'lint', meaning: 'A function that the record stage does not have.', hint: 'See docs/expressions.md for those it has.' },
  unsupported_statement: {
    kind: 'lint',
    meaning: 'The statement is more than one SELECT over the rows of a batch.',
    hint: 'Write one SELECT that reads what the query reads.',
  },
  unsupported_type: { kind: 'lint', meaning: 'A type that the record stage does not have.', hint: 'See docs/expressions.md for those it has.' },
  unsupported_yaml: { kind: 'lint', meaning: 'A feature of YAML that pipeline files do not use.', hint: 'Write it out plainly.' },
  unused_key: { kind: 'lint', meaning: 'The key has no effect beside the others.', hint: 'Remove it, or add what it belongs to.' },
  wrong_type: { kind: 'lint', meaning: 'The value is of another kind than the key takes.', hint: 'Write the kind of value named.' },
  yaml_syntax: { kind: 'lint', meaning: 'The file is not well-formed YAML.', hint: 'Mend the syntax at the position given.' },
  // record: a dead letter's code
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
  // run: runtime, transport, preprocessor
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
    hint: 'Go on with the file as it was, or start with a new --data-dir.',
  },
  record_failed: {
    kind: 'run',
    meaning: 'A record could not be processed at a step that says on_error: fail.',
    hint: 'Mend the record or the step; on_error: dead_letter lets the rest go on.',
  },
  replay_diverged: {
    kind: 'run',
    meaning: 'Replaying the journal gave another result than the one committed: a defect of millrace, or a damaged data directory.',
    hint: 'Keep the data directory and report it; a new --data-dir starts over.',
  },
  already_running: {
    kind: 'run',
    meaning: 'Another process runs this pipeline on the same data directory.',
    hint: 'Stop that process first, or use another --data-dir.',
  },
  log_too_short: {
    kind: 'run',
    meaning: 'A topic ends before the place up to which it was read earlier.',
    hint: 'Its tail was lost or the topic made anew: restore it, or start with a new data directory.',
  },
  records_gone: { kind: 'run', meaning: 'Records that are still to be read were removed from a topic.', hint: 'Start with a new data directory.' },
  partition_count_changed: {
    kind: 'run',
    meaning: 'A topic has another number of partitions than asked for.',
    hint: 'Keep the number, or start with a new data directory.',
  },
  query_failed: {
    kind: 'run',
    meaning: 'A query of analyze fails over the rows of a batch together, though over no row alone.',
    hint: 'Mend its SQL: a sum may overflow, a subquery give more than one row.',
  },
  sink_truncated: {
    kind: 'run',
    meaning: 'A file that the pipeline writes is shorter than what was committed to it.',
    hint: 'Restore it, or start with a new data directory.',
  },
  sink_unwritable: {
    kind: 'run',
    meaning: 'A file that the pipeline writes cannot be opened or written.',
    hint: 'Check its path, its owner and its permissions.',
  },
  source_changed: {
    kind: 'run',
    meaning: 'The part of an input file that was read already is no longer what it was.',
    hint: 'Restore the file (only appending to it is allowed), or start with a new data directory.',
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
  // run: shared-schemas/registry
  registry_refused: {
    kind: 'run',
    meaning: 'The schema registry refused a request, and trying again would not help.',
    hint: "Check the profile's registry: url, username, password and ca.",
  },
  registry_unreachable: {
    kind: 'run',
    meaning: 'The schema registry did not answer in time.',
    hint: "Check the profile's registry: url and that it runs; nothing committed is lost, start again when it does.",
    retryable: true,
  },
  // run: transport/kafka
  authentication_failed: {
    kind: 'run',
    meaning: 'A Kafka broker does not accept the user name and password, or not the SASL mechanism.',
    hint: "Check the profile's sasl: mechanism, username and password.",
  },
  broker_refused: {
    kind: 'run',
    meaning: 'A Kafka broker refused a request, and trying again would not help.',
    hint: "The message has Kafka's own name of the error: look it up in Kafka's protocol guide, and in the broker's log.",
  },
  broker_unreachable: {
    kind: 'run',
    meaning: 'No Kafka broker answered in time.',
    hint: "Check the profile's brokers: and that they run; nothing committed is lost, start again when they do.",
    retryable: true,
  },
  message_too_large: {
    kind: 'run',
    meaning: 'A record, or a batch of records, is larger than the topic allows.',
    hint: 'Raise max.message.bytes of the topic, or make the records smaller.',
  },
  not_authorized: {
    kind: 'run',
    meaning: 'The Kafka user may not do what was asked.',
    hint: 'Give the user the rights that the message names (kafka-acls), on the topic or the transactional id.',
  },
  tls_failed: {
    kind: 'run',
    meaning: 'No TLS connection to a Kafka broker could be made, or one side speaks TLS and the other does not.',
    hint: "Check the profile's tls: the authority's certificate, the client's certificate and key, the host name.",
  },
  // run: models
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
  // run: analyzer/jobs
  redis_unreachable: {
    kind: 'run',
    meaning: 'Redis does not answer when a run starts.',
    hint: "Check that it runs, and the profile's redis: url and tls. Without redis in the profile batches run in one process.",
    retryable: true,
  },
  redis_refused: {
    kind: 'run',
    meaning: 'Redis does not take the user or the password.',
    hint: "Check the profile's redis: username and password.",
  },
  redis_too_old: { kind: 'run', meaning: 'The Redis server is older than the job library can use.', hint: 'Use Redis 6.2 or newer.' },
  parts_missing: {
    kind: 'run',
    meaning: 'Workers say that they have done their part of a batch, and it is not in the data directory.',
    hint: 'Give the workers the same data directory as the analyzer: a shared one, when they are on other machines.',
  },
  // run: cli/
  address_exposed: {
    kind: 'run',
    meaning: 'The status server would be open to other machines without a token.',
    hint: 'Listen on 127.0.0.1, or give the profile http: { listen: …, token: "${NAME}" }.',
  },
  address_unusable: {
    kind: 'run',
    meaning: 'The status server cannot listen at its address.',
    hint: 'Stop what listens there, or give another address: --status 127.0.0.1:0 takes any port that is free.',
  },
  bad_line: { kind: 'run', meaning: 'A line of the input is no record that the topic can take.', hint: 'Mend the line; what came before it is written.' },
  data_dir_missing: { kind: 'run', meaning: 'There is no data directory at this path.', hint: 'Run the pipeline first, or pass --data-dir.' },
  defect: {
    kind: 'run',
    meaning: 'Something went wrong that millrace did not foresee.',
    hint: 'Run again with --debug for the stack trace, and report it with the pipeline file.',
  },
  // usage: cli/
  already_there: { kind: 'usage', meaning: 'A file that would be written is there already.', hint: 'Name another directory.' },
  file_unreadable: { kind: 'usage', meaning: 'A file named on the command line is missing or cannot be read.', hint: 'Check the path.' },
  not_found_here: { kind: 'usage', meaning: 'Nothing here says which data directory or profile is meant.', hint: 'Pass --data-dir or --pipeline.' },
  unreadable_pipeline: { kind: 'usage', meaning: 'The pipeline file or profile cannot be read.', hint: 'Check the path.' },
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
