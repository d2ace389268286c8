import { optional, required, withDefault } from '../spec/field.ts';
import { duration, items, mapping, notYet, number, object, oneOf, oneOrMore, pattern, topicName } from '../spec/kinds.ts';

const ANY = { type: 'object' } as const;

export const budgetFields = {
  ratio: required(number({ min: 0, max: 1 }), 'The share of records that may be dead letters.'),
  per: required(duration({ min: 1 }), 'Over this time.'),
  // biome-ignore lint/suspicious/noThenProperty: a key of the language; its value is a word, never a function
  then: withDefault(oneOf(['pause']), 'pause', 'pause', 'What happens above it: the pipeline pauses and says so.'),
};

export const deadLetterFields = {
  topic: optional(topicName, 'Where dead letters go. Default: `<name>.dead`.'),
  budget: optional(object('budget', budgetFields), 'How many are too many. No limit unless given.'),
};

export const preprocessFields = {
  sources: required(items('a list of sources', ANY, 1), 'Where records come from.'),
  steps: optional(items('a list of steps', ANY, 0), 'What is done with them, in order.'),
  outputs: required(items('a list of outputs', ANY, 1), 'Where records go.'),
  merge_wait: withDefault(duration(), 1000, '1s', 'How long a task with several inputs waits for a silent one.'),
};

export const tableFields = {
  file: required(
    pattern('the path of a file', /\S/, 'Name a CSV, JSON or Parquet file.'),
    'A CSV, JSON or Parquet file, by its extension, relative to the pipeline file.',
  ),
  key: required(oneOrMore('a column, or a list of columns'), 'The columns that a row is found by; no two rows have the same.'),
  schema: optional(
    pattern('the name of a schema', /\S/, 'Name a schema of `schemas`.'),
    "A schema of `schemas` for the columns' types. Default: as DuckDB sniffs them.",
  ),
  topic: optional(notYet('tables from a topic'), 'Not built yet.'),
};

/** the top level of a pipeline file */
export const pipelineFields = {
  version: required(number({ min: 1, max: 1, integer: true }), 'The version of the language: 1.'),
  name: required(
    pattern('the name of a pipeline', /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'A name is made of letters, digits, _ and -.'),
    'Names the pipeline, its exchanges and its data directory.',
  ),
  guarantee: withDefault(
    oneOf(['exactly_once', 'at_least_once']),
    'exactly_once',
    'exactly_once',
    'What holds after a crash. Both are answered exactly once today.',
  ),
  schemas: optional(
    mapping('a mapping of names to Avro schemas', { type: 'object', additionalProperties: ANY }),
    'Avro schemas by name: `{ file: x.avsc }` or inline.',
  ),
  preprocess: required(mapping('a mapping (sources, steps, outputs)', ANY), 'One record at a time, in event time.'),
  analyze: optional(mapping('a mapping (trigger, sources, queries, sinks)', ANY), 'Micro-batches over topics.'),
  models: optional(mapping('a mapping of names to models', { type: 'object', additionalProperties: ANY }), 'Models, by name.'),
  tables: optional(mapping('a mapping of ids to tables', { type: 'object', additionalProperties: ANY }), 'Tables for lookups.'),
  dead_letter: optional(object('dead_letter', deadLetterFields), 'Where records go that cannot be used.'),
};
