import { expect, test } from 'vitest';
import { brief, load, pipeline, schemas, unmark } from './load.case.ts';

const out = '  outputs:\n    - { id: out, topic: out }\n';
const steps = (...lines: string[]): string => pipeline(`  steps:\n${lines.map((line) => `    - ${line}\n`).join('')}${out}`);
const outputs = (...lines: string[]): string => pipeline(`  outputs:\n${lines.map((line) => `    - ${line}\n`).join('')}`);
const source = (line: string): string => pipeline(out, line);
const timed = (format: string, eventTime: string): string =>
  source(`{ id: cards, type: topic, topic: cards, format: ${format}, schema: card, event_time: ${eventTime} }`);
const whole = (top: string): string => `${top}${pipeline(out)}`;

/** Broken files: a ▸ stands before each place that a finding has to name, in the order of the codes. */
const broken: readonly (readonly [name: string, text: string, ...codes: string[]])[] = [
  // YAML
  ['an empty file', '▸', 'missing_key'],
  ['a comment alone', '▸# nothing\n', 'missing_key'],
  ['a list at the root', '▸- version: 1\n', 'wrong_type'],
  ['a word at the root', '▸hello\n', 'wrong_type'],
  ['a tab as indentation', 'version: 1\npreprocess:\n▸\tsources: []\n', 'yaml_syntax'],
  ['a list that stays open', 'version: 1\nname: [a\n▸', 'yaml_syntax'],
  ['a quote that stays open', 'version: 1\nname: "a\n▸', 'yaml_syntax'],
  ['a mapping in a line of its own', 'a: ▸b: c\n', 'yaml_syntax'],
  ['a reserved character', 'name: ▸@shop\n', 'yaml_syntax'],
  ['a comma too many', 'name: {a: 1,▸, b: 2}\n', 'yaml_syntax'],
  ['two documents', 'version: 1\n▸---\nversion: 1\n', 'unsupported_yaml'],
  ['an alias of nothing', whole('dead_letter: ▸*nope\n'), 'yaml_syntax'],
  ['an alias inside what it names', whole('dead_letter: &a { topic: ▸*a }\n'), 'yaml_syntax'],
  ['a merge key', steps('{ id: f, type: filter, where: "amount > 0", ▸<<: { id: g } }'), 'unsupported_yaml'],
  ['a key twice', `version: 1\n${pipeline(out).replace('version', '▸version')}`, 'duplicate_key'],
  ['a key twice in a flow mapping', steps('{ id: f, type: filter, where: "amount > 0", ▸where: "TRUE" }'), 'duplicate_key'],
  ['a tag', whole('dead_letter: { topic: !!str ▸dead }\n'), 'unsupported_yaml'],
  ['an escape that is none', 'name: "a▸\\q"\n', 'yaml_syntax'],
  // variables
  ['an undefined variable', whole('dead_letter: { topic: "x.▸${NOPE}" }\n'), 'undefined_variable'],
  [
    'undefined variables where a number and a size go',
    whole('dead_letter: { budget: { ratio: "▸${R}", per: "▸${P}" } }\n'),
    'undefined_variable',
    'undefined_variable',
  ],
  ['a variable badly written', whole('dead_letter: { topic: "▸${1}" }\n'), 'bad_variable'],
  ['a variable that stays open', whole('dead_letter: { topic: "a▸${NAME" }\n'), 'bad_variable'],
  [
    'two undefined variables in an expression',
    steps('{ id: f, type: filter, where: "amount > ▸${A} AND amount < ▸${B}" }'),
    'undefined_variable',
    'undefined_variable',
  ],
  // the top
  ['an unknown key with a near name', whole('▸dead_leter: { topic: x }\n'), 'unknown_key'],
  ['a version to come', pipeline(out).replace('version: 1', 'version: ▸2'), 'bad_number'],
  ['a version in quotes', pipeline(out).replace('version: 1', 'version: ▸"1"'), 'wrong_type'],
  ['no version and no name', pipeline(out).replace('version: 1\nname: shop\n', '▸▸'), 'missing_key', 'missing_key'],
  ['a name with a blank', pipeline(out).replace('shop', '▸my shop'), 'bad_name'],
  ['a guarantee of its own', whole('guarantee: ▸at_most_once\n'), 'bad_enum'],
  ['no preprocess', `▸version: 1\nname: shop\n${schemas}`, 'missing_key'],
  ['a ratio above one', whole('dead_letter: { budget: { ratio: ▸1.5, per: 5m } }\n'), 'bad_number'],
  ['__proto__ as a key', whole('▸__proto__: { polluted: true }\n'), 'unknown_key'],
  // schemas
  ['a schema that is no record', pipeline(out).replace('type: record', '▸type: enum'), 'schema_invalid'],
  ['a schema that is a list', pipeline(out).replace('schemas:\n', 'schemas:\n  other: ▸[]\n'), 'wrong_type'],
  ['an unknown Avro type', pipeline(out).replace('name: amount, type: double', 'name: ▸amount, type: money'), 'schema_invalid'],
  ['a union of several types', pipeline(out).replace('[null, string]', '[int, string]').replace('name: currency', 'name: ▸currency'), 'union_unsupported'],
  ['a schema file that is not there', pipeline(out).replace('schemas:\n', 'schemas:\n  other: { file: ▸nope.avsc }\n'), 'unreadable_file'],
  ['a schema with a field named constructor', pipeline(out).replace('name: tx_id', 'name: ▸constructor'), 'reserved_name'],
  ['fields that differ in case', pipeline(out).replace('name: card_id', 'name: ▸TX_ID').replace('key: card_id, ', ''), 'duplicate_column'],
  ['an unknown schema', source('{ id: cards, type: topic, topic: cards, format: json, schema: ▸cart }'), 'unknown_schema'],
  // sources
  ['a source of no type', source('▸{ id: cards, topic: cards, format: json, schema: card }'), 'missing_key'],
  ['a source type that is not built', source('{ id: cards, type: ▸http, schema: card }'), 'not_yet'],
  ['a source type that is none', source('{ id: cards, type: ▸topik, topic: cards, format: json, schema: card }'), 'bad_enum'],
  ['a source without a topic', source('▸{ id: cards, type: topic, format: json, schema: card }'), 'missing_key'],
  ['a format that a topic lacks', source('{ id: cards, type: topic, topic: cards, format: ▸csv, schema: card }'), 'bad_enum'],
  ['an event time that is text in Avro', timed('avro', '{ field: ▸tx_id }'), 'bad_event_time'],
  ['an event time that is a double', timed('json', '{ field: ▸amount }'), 'bad_event_time'],
  ['an event time that is not there', timed('json', '{ field: ▸event_tim }'), 'unknown_column'],
  ['a duration without a unit', timed('json', '{ field: event_time, out_of_order: ▸5 }'), 'bad_duration'],
  ['a negative duration', timed('json', '{ field: event_time, out_of_order: ▸-5s }'), 'bad_duration'],
  ['a duration in other units', timed('json', '{ field: event_time, idle_after: ▸5 minutes }'), 'bad_duration'],
  ['less than a millisecond', timed('json', '{ field: event_time, idle_after: ▸0.5ms }'), 'bad_duration'],
  ['a size without a unit', source('{ id: cards, type: topic, topic: cards, format: json, schema: card, max_record: ▸1000 }'), 'bad_size'],
  [
    'a key column that is not there',
    source('{ id: cards, type: topic, topic: cards, format: json, schema: card, key: [card_id, ▸merchant] }'),
    'unknown_column',
  ],
  [
    'a key that names a column twice',
    source('{ id: cards, type: topic, topic: cards, format: json, schema: card, key: [card_id, ▸card_id] }'),
    'duplicate_column',
  ],
  ['a key that is a list', source('{ id: cards, type: topic, topic: cards, format: json, schema: card, key: ▸items }'), 'type_error'],
  ['a CSV with lists', source('{ id: cards, type: file, path: in.csv, format: csv, schema: ▸card }'), 'type_error'],
  [
    'a generator without all fields',
    source('▸▸▸▸▸{ id: cards, type: generator, schema: card, generate: { fields: { tx_id: "i::VARCHAR" } } }'),
    ...Array(5).fill('missing_key'),
  ],
  [
    'a simulation with a rate, and a date that is none',
    source(
      `▸{ id: cards, type: generator, schema: card, generate: { rate: ▸5, card_fraud: { start: ▸2018-13-41 }, fields: { tx_id: "'t' || i", card_id: "'c' || customer", merchant_id: "terminal::INTEGER", currency: "'EUR'", amount: amount, event_time: "▸u1" } } }`,
    ),
    'missing_key',
    'unknown_key',
    'bad_date',
    'unknown_column',
  ],
  [
    'a generator of ill-typed and unknown fields',
    source(
      `{ id: cards, type: generator, schema: ▸card, generate: { fields: { tx_id: ▸i, card_id: "'c'", merchant_id: "▸u1", amount: "u1 * ▸u9", event_time: i, ▸zip: "1" } } }`,
    )
      .replace('{ id: cards', '▸{ id: cards')
      .replace('schema: ▸card', 'schema: card'),
    'missing_key',
    'type_error',
    'type_error',
    'unknown_column',
    'unknown_column',
  ],
  // ids and from
  ['a duplicate id', steps('{ id: ▸cards, type: filter, where: "TRUE" }'), 'duplicate_id'],
  ['an id with a blank', steps('{ id: ▸"a b", type: filter, where: "TRUE" }'), 'bad_name'],
  ['an id that is a number', steps('{ id: ▸7, type: filter, where: "TRUE" }'), 'wrong_type'],
  ['a dangling from', steps('{ id: f, type: filter, from: ▸card, where: "TRUE" }'), 'dangling_from'],
  ['a dangling from in a list', steps('{ id: f, type: filter, from: [cards, ▸card], where: "TRUE" }'), 'dangling_from'],
  ['from an output', steps('{ id: f, type: filter, from: ▸out, where: "TRUE" }'), 'dangling_from'],
  ['from a later step', steps('{ id: f, type: filter, from: ▸g, where: "TRUE" }', '{ id: g, type: filter, from: cards, where: "TRUE" }'), 'forward_from'],
  ['from itself', steps('{ id: f, type: filter, from: ▸f, where: "TRUE" }'), 'forward_from'],
  [
    'several sources and no from',
    steps('{ id: ▸f, type: filter, where: "TRUE" }').replace('  steps:', '    - { id: more, type: topic, topic: more, format: json, schema: card }\n  steps:'),
    'ambiguous_from',
  ],
  ['an empty from', steps('{ id: f, type: filter, from: ▸[], where: "TRUE" }'), 'wrong_type'],
  ['a step that is no mapping', steps('▸filter'), 'wrong_type'],
  ['steps that are no list', pipeline(`  steps: ▸{ a: b }\n${out}`), 'wrong_type'],
  // steps
  ['a score by an unknown model', steps('{ id: f, type: score, model: ▸fruad, as: p }'), 'unknown_model'],
  ['a step type that is not built', steps('{ id: f, type: ▸pattern }'), 'not_yet'],
  ['a step type that is none', steps('{ id: f, type: ▸fliter, where: "TRUE" }'), 'bad_enum'],
  ['an unknown key of a step', steps('▸{ id: f, type: filter, ▸were: "amount > 0" }'), 'missing_key', 'unknown_key'],
  ['a condition that is no boolean', steps('{ id: f, type: filter, where: "▸amount + 1" }'), 'type_error'],
  ['an expression that is empty', steps('{ id: f, type: filter, where: ▸"" }'), 'wrong_type'],
  ['an expression that is a list', steps('{ id: f, type: filter, where: ▸[amount] }'), 'wrong_type'],
  ['an unknown column, quoted', steps(`{ id: f, type: filter, where: "amount > 0 AND ▸curency = 'EUR'" }`), 'unknown_column'],
  ['an unknown column, single quoted', steps(`{ id: f, type: filter, where: 'currency = ''EUR'' AND ▸amont > 0' }`), 'unknown_column'],
  [
    'an unknown column, double quoted with escapes',
    steps(`{ id: f, type: filter, where: "\\u0061mount > 0 AND currency = ▸\\"x\\" AND 1 > 0" }`),
    'unknown_column',
  ],
  ['an unknown column behind a line that goes on', steps('{ id: f, type: filter, where: "amount > 0 \\\n            AND ▸amont > 1" }'), 'unknown_column'],
  ['an unknown column behind characters of two units', steps(`{ id: f, type: filter, where: "currency = '\u{1f600}é' AND ▸amont > 1" }`), 'unknown_column'],
  ['an unknown column, plain', steps('{ id: f, type: filter, where: amount > 0 AND ▸amont < 5 }'), 'unknown_column'],
  ['an unknown column, plain over lines', steps('id: f\n      type: filter\n      where: amount > 0\n        AND ▸amont < 5'), 'unknown_column'],
  [
    'an unknown column in a literal block',
    steps('id: f\n      type: filter\n      where: |\n        amount > 0\n          AND\n        ▸amont < 5'),
    'unknown_column',
  ],
  [
    'an unknown column in a folded block',
    steps('id: f\n      type: filter\n      where: >-  # folded\n        amount > 0\n        AND\n\n        ▸amont < 5'),
    'unknown_column',
  ],
  [
    'an unknown column in a block with an indent of its own',
    steps("id: f\n      type: filter\n      where: |2-\n          amount > 0 AND currency = '\n         x' AND\n          ▸amont < 5"),
    'unknown_column',
  ],
  [
    'an unknown column in lines that end in CRLF',
    steps('id: f\n      type: filter\n      where: |\n        amount > 0 AND\n        ▸amont < 5').replaceAll('\n', '\r\n'),
    'unknown_column',
  ],
  ['an unknown column behind a variable', steps('{ id: f, type: filter, where: "amount > ${LEAST:-0} AND ▸amont < 5" }'), 'unknown_column'],
  ['an unknown column that a variable names', steps('{ id: f, type: filter, where: "amount > 0 AND ▸${COLUMN:-amont} < 5" }'), 'unknown_column'],
  [
    'flaws of several expressions at once',
    steps('{ id: m, type: map, set: { a: "▸amont", b: "▸nope + 1" } }', '{ id: f, type: filter, where: "a > 0 AND ▸zip = 1" }'),
    'unknown_column',
    'unknown_column',
    'unknown_column',
  ],
  ['a map of nothing', steps('▸{ id: m, type: map }'), 'missing_key'],
  ['a map that leaves nothing', steps('▸{ id: m, type: map, drop: [tx_id, card_id, merchant_id, amount, currency, items, event_time] }'), 'wrong_type'],
  ['a drop of what is not there', steps('{ id: m, type: map, drop: [amount, ▸pad] }'), 'unknown_column'],
  ['a column named constructor', steps('{ id: m, type: map, set: { ▸constructor: "1" } }'), 'reserved_name'],
  ['a column named with a blank', steps('{ id: m, type: map, set: { ▸a b: "1" } }'), 'bad_name'],
  ['a column that differs in case', steps('{ id: m, type: map, set: { ▸Amount: "1" } }'), 'duplicate_column'],
  ['each of no list', steps('{ id: l, type: flat_map, each: ▸amount, as: item }'), 'type_error'],
  ['as of a column that is there', steps('{ id: l, type: flat_map, each: items, as: ▸amount }'), 'duplicate_column'],
  ['an unknown table', steps('{ id: l, type: lookup, table: ▸shops, on: merchant_id, add: [risk] }'), 'unknown_table'],
  ['a dedupe without within', steps('▸{ id: d, type: dedupe, key: tx_id }'), 'missing_key'],
  ['a dedupe within nothing', steps('{ id: d, type: dedupe, key: tx_id, within: ▸0s }'), 'bad_duration'],
  ['a rolling without range', steps('▸{ id: r, type: rolling, key: card_id, add: { n: "count(*)" } }'), 'missing_key'],
  ['a rolling with range and tumbling', steps('{ id: r, type: rolling, key: card_id, range: 1d, tumbling: ▸1d, add: { n: "count(*)" } }'), 'bad_window'],
  ['no aggregate', steps('{ id: r, type: rolling, key: card_id, range: 1d, add: { n: "▸amount + 1" } }'), 'not_aggregated'],
  ['a column added twice', steps('{ id: r, type: rolling, key: card_id, range: 1d, add: { ▸amount: "count(*)" } }'), 'duplicate_column'],
  ['a session window', steps('{ id: w, type: window, key: card_id, window: { session: ▸30s }, select: { n: "count(*)" } }'), 'not_yet'],
  [
    'a window of two kinds',
    steps('{ id: w, type: window, key: card_id, window: { tumbling: 1m, sliding: ▸1m, every: ▸1s }, select: { n: "count(*)" } }'),
    'bad_window',
    'bad_window',
  ],
  ['a sliding window without every', steps('{ id: w, type: window, key: card_id, window: ▸{ sliding: 1m }, select: { n: "count(*)" } }'), 'missing_key'],
  [
    'an offset as long as the window',
    steps('{ id: w, type: window, key: card_id, window: { tumbling: 1m, offset: ▸-1m }, select: { n: "count(*)" } }'),
    'bad_window',
  ],
  [
    'a select called window_start',
    steps('{ id: w, type: window, key: card_id, window: { tumbling: 1m }, select: { ▸window_start: "count(*)" } }'),
    'duplicate_column',
  ],
  [
    'an emit of rolling at a window',
    steps('{ id: w, type: window, key: card_id, window: { tumbling: 1m }, emit: ▸immediately, select: { n: "count(*)" } }'),
    'bad_enum',
  ],
  [
    'a window of a file without event time',
    pipeline(
      `  steps:\n    - { id: w, type: ▸window, key: card_id, window: { tumbling: 1m }, select: { n: "count(*)" } }\n${out}`,
      '{ id: cards, type: file, path: in.jsonl, format: json, schema: card }',
    ),
    'missing_event_time',
  ],
  ['a union of one', steps('{ id: u, type: union, from: ▸cards }'), 'missing_key'],
  [
    'a union of unlike inputs',
    steps('{ id: m, type: map, set: { amount: "1" }, drop: [tx_id] }', '{ id: u, type: union, from: [cards, ▸▸m] }'),
    'union_mismatch',
    'union_mismatch',
  ],
  // outputs
  ['no outputs', pipeline('  steps: []\n').replace('  sources:', '  ▸sources:'), 'missing_key'],
  ['an output without a topic', outputs('▸{ id: out }'), 'missing_key'],
  ['an output type that is none', outputs('{ id: out, type: ▸console }'), 'bad_enum'],
  ['an output of CSV with lists', outputs('{ id: out, type: file, path: out.csv, format: ▸csv }'), 'output_mismatch'],
  ['an output of Avro without a schema', outputs('{ id: out, topic: out, format: ▸avro }'), 'missing_key'],
  ['an output key that is not there', outputs('{ id: out, topic: out, key: ▸card }'), 'unknown_column'],
  [
    'an output without a field of its schema',
    pipeline('  steps:\n    - { id: m, type: map, drop: [amount] }\n  outputs:\n    - { id: out, topic: out, schema: ▸card }\n'),
    'output_mismatch',
  ],
  [
    'an output of an ill-typed field',
    pipeline('  steps:\n    - { id: m, type: map, set: { merchant_id: "amount" } }\n  outputs:\n    - { id: out, topic: out, schema: ▸card }\n'),
    'output_mismatch',
  ],
  ['an output with an unknown schema', outputs('{ id: out, topic: out, schema: ▸nope }'), 'unknown_schema'],
  [
    'two outputs to one file',
    outputs('{ id: a, type: file, path: out.jsonl, format: json }', '{ id: b, type: file, path: ▸./out.jsonl, format: json }'),
    'duplicate_target',
  ],
  ['two outputs of two schemas to one topic', outputs('{ id: a, topic: out, schema: card }', '{ id: b, topic: ▸out }'), 'duplicate_target'],
  ['an output over the pipeline file', outputs('{ id: a, type: file, path: ▸pipeline.yaml, format: json }'), 'duplicate_target'],
  ['an output to the dead letters', outputs('{ id: a, topic: ▸shop.dead }'), 'duplicate_target'],
  ['an output to an exchange', outputs('{ id: a, topic: ▸shop.x.exchange }'), 'reserved_name'],
];

test.for(broken)('%s', async ([, marked, ...codes]) => {
  const { text, places } = unmark(marked);
  const { findings, plan } = await load(text);
  expect(brief(findings)).toEqual(codes.map((code, i) => `${places[i]} ${code}`));
  expect(plan).toBeNull();
});

test('bytes that are no UTF-8 are told at their place', async () => {
  const { findings } = await load(Buffer.concat([Buffer.from('version: 1\nname: ü'), Buffer.from([0xff, 0x0a])]));
  expect(brief(findings)).toEqual(['2:8 yaml_syntax']);
});

test('nesting and nests of aliases end in a finding', async () => {
  const deep = await load(`a: ${'['.repeat(20_000)}`);
  expect(deep.findings[0].code).toBe('yaml_syntax');
  const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `b${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  const bomb = await load(lines.join('\n'));
  expect(brief(bomb.findings)).toEqual(['1:1 unsupported_yaml']);
});

test('a file that is not there throws with the way it was named', async () => {
  const { loadPipeline } = await import('./load.ts');
  await expect(loadPipeline('/no/such/pipeline.yaml', { env: {} })).rejects.toMatchObject({
    code: 'unreadable_pipeline',
    message: '/no/such/pipeline.yaml: there is no such file',
  });
});

test('findings name the file, the end of the token, and suggest a near name', async () => {
  const { findings } = await load(steps('{ id: f, type: filter, where: "amont > 0" }'));
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ line: 19, col: 38, end: 43, severity: 'error', hint: 'Did you mean amount?' });
  expect(findings[0].file).toMatch(/pipeline\.yaml$/);
});
