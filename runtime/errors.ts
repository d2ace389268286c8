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
  partition_count_changed: { kind: 'run', meaning: 'A topic has another number of partitions than asked for.', hint: 'Keep the number, or start with a new data directory.' },
  schema_incompatible: { kind: 'run', meaning: 'A new version of a schema breaks those who read or write the old one.', hint: 'Give new fields defaults, or use another subject.' },
  fenced: { kind: 'run', meaning: 'Another process has taken over this pipeline.', hint: 'Stop one of the two.' },
  // usage: cli/
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
