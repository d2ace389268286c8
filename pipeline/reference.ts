import { batchWindowFields } from './analyze/queries/aggregate.ts';
import { queriesNotYet, querySpecs } from './analyze/queries/list.ts';
import { commonFields as queryFields } from './analyze/queries/query.ts';
import { analyzeFields } from './analyze/read-analyze.ts';
import { sinkSpecs, sinksNotYet } from './analyze/sinks/list.ts';
import { commonFields as sinkFields } from './analyze/sinks/sink.ts';
import { analyzeSourceFields, sourceTimeFields } from './analyze/source.ts';
import { triggerFields } from './analyze/trigger.ts';
import { budgetFields, deadLetterFields, pipelineFields, preprocessFields, tableFields } from './flow/sections.ts';
import { evaluateFields, labelFields, modelFields, trainFields } from './models/fields.ts';
import { outputSpecs } from './outputs/list.ts';
import { commonFields as outputFields } from './outputs/output.ts';
import { cardFraudFields, generateFields } from './sources/generator.ts';
import { sourceSpecs, sourcesNotYet } from './sources/list.ts';
import { eventTimeFields, commonFields as sourceFields } from './sources/source.ts';
import type { Field, Fields, JsonSchema } from './spec/field.ts';
import { objectSchema } from './spec/kinds.ts';
import { stepSpecs, stepsNotYet } from './steps/list.ts';
import { commonFields as stepFields } from './steps/step.ts';
import { windowFields } from './steps/window.ts';

interface Spec {
  readonly type: string;
  readonly doc: string;
  readonly example: string;
  readonly delivery: string;
  readonly fields: Fields;
}

/** One construct's JSON Schema: its own keys beside those all of its sort have, its `type` a constant. */
function variant(common: Fields, spec: Spec, typeRequired: boolean): JsonSchema {
  const schema = objectSchema({ ...common, ...spec.fields });
  const properties = { ...(schema.properties as object), type: { const: spec.type } };
  const needed = (schema.required as string[]).filter((key) => key !== 'type');
  return { title: `${spec.type}`, description: spec.doc, ...schema, properties, required: typeRequired ? [...needed, 'type'] : needed };
}

function anyOf(common: Fields, specs: readonly Spec[], optionalType?: string): JsonSchema {
  return { anyOf: specs.map((spec) => variant(common, spec, spec.type !== optionalType)) };
}

/** The JSON Schema of pipeline files (draft 2020-12), for editors. It knows structure and names; lint knows the rest. */
export function jsonSchema(): JsonSchema {
  const top = objectSchema(pipelineFields);
  const section = objectSchema(preprocessFields);
  const list = (items: JsonSchema, minItems: number): JsonSchema => ({ type: 'array', items, minItems });
  const preprocess = {
    ...section,
    properties: {
      ...(section.properties as object),
      sources: list(anyOf(sourceFields, sourceSpecs), 1),
      steps: list(anyOf(stepFields, stepSpecs), 0),
      outputs: list(anyOf(outputFields, outputSpecs, 'topic'), 1),
    },
  };
  const analyze = {
    ...objectSchema(analyzeFields),
    properties: {
      ...(objectSchema(analyzeFields).properties as object),
      sources: list(objectSchema(analyzeSourceFields), 1),
      queries: list(anyOf(queryFields, querySpecs), 0),
      sinks: list(anyOf(sinkFields, sinkSpecs), 1),
    },
  };
  const models = { type: 'object', additionalProperties: objectSchema(modelFields) };
  const tables = { type: 'object', additionalProperties: objectSchema(tableFields) };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'millrace pipeline',
    ...top,
    properties: { ...(top.properties as object), preprocess, analyze, models, tables },
  };
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function row([key, field]: readonly [string, Field<unknown>]): string {
  const need = field.need === 'required' ? 'required' : field.need === 'default' ? `\`${field.shown}\`` : 'optional';
  return `| \`${key}\` | ${cell(field.kind.what)} | ${need} | ${cell(field.doc)} |`;
}

/** The keys of a construct as a Markdown table. */
export function table(fields: Fields): string {
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...Object.entries(fields).map(row)].join('\n');
}

function constructs(specs: readonly Spec[]): string[] {
  return specs.flatMap((spec) => {
    const own = Object.keys(spec.fields).length > 0 ? ['', table(spec.fields)] : [];
    return ['', `### ${spec.type}`, '', spec.doc, '', '```yaml', spec.example, '```', ...own, '', spec.delivery];
  });
}

/** The reference of the pipeline file, made from the same specs that read it: Markdown. */
export function pipelinePage(): string {
  const lines = [
    '# The pipeline file',
    '',
    'Made by `npm run docs` from `pipeline/`. Keys are snake_case; durations are `250ms 2s 1m 1h 7d`, sizes `100B 512KiB 64MiB 1GiB`. `${VAR}` and `${VAR:-default}` stand for',
    'environment variables in any scalar, `$${` for a literal `${`. Expressions are SQL, see `expressions.md`. A step reads the one before it unless it says `from`.',
    '',
    '## Top level',
    '',
    table(pipelineFields),
    '',
    '### preprocess',
    '',
    table(preprocessFields),
    '',
    '### analyze',
    '',
    table(analyzeFields),
    '',
    '`trigger`, when it is a mapping:',
    '',
    table(triggerFields),
    '',
    '### a model of `models`',
    '',
    table(modelFields),
    '',
    '`label`:',
    '',
    table(labelFields),
    '',
    '`train`:',
    '',
    table(trainFields),
    '',
    '`evaluate`:',
    '',
    table(evaluateFields),
    '',
    '### a table of `tables`',
    '',
    table(tableFields),
    '',
    '### dead_letter',
    '',
    table(deadLetterFields),
    '',
    '`budget`:',
    '',
    table(budgetFields),
    '',
    '## Sources',
    '',
    'Keys of every source:',
    '',
    table(sourceFields),
    '',
    '`event_time`:',
    '',
    table(eventTimeFields),
    ...constructs(sourceSpecs),
    '',
    '`generate`:',
    '',
    table(generateFields),
    '',
    '`card_fraud`:',
    '',
    table(cardFraudFields),
    '',
    '## Steps',
    '',
    'Keys of every step:',
    '',
    table(stepFields),
    ...constructs(stepSpecs),
    '',
    '`window`:',
    '',
    table(windowFields),
    '',
    '## Outputs',
    '',
    'Keys of every output:',
    '',
    table(outputFields),
    ...constructs(outputSpecs),
    '',
    '## Sources of analyze',
    '',
    table(analyzeSourceFields),
    '',
    '`event_time`:',
    '',
    table(sourceTimeFields),
    '',
    '## Queries',
    '',
    'A query reads the one before it unless it says `from`. Modes are legal as in Structured Streaming; lint tells what is not. Keys of every query:',
    '',
    table(queryFields),
    ...constructs(querySpecs),
    '',
    '`window` of an aggregate:',
    '',
    table(batchWindowFields),
    '',
    '## Sinks',
    '',
    'Keys of every sink:',
    '',
    table(sinkFields),
    ...constructs(sinkSpecs),
    '',
    '## Not built yet',
    '',
    `Sources: ${sourcesNotYet.join(', ')}. Steps: ${stepsNotYet.join(', ')}; session and count windows. Queries: ${queriesNotYet.join(', ')}. Sinks: ${sinksNotYet.join(', ')}. Tables from a topic. Lint says so by name.`,
  ];
  return `${lines.join('\n')}\n`;
}
