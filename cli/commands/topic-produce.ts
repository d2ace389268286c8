import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import type { SourcePlan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { PlacedError } from '@millrace/runtime/placed-error.ts';
import type { TopicInfo } from '@millrace/transport/log.ts';
import { planOf } from '../checked.ts';
import type { Call, CommandSpec } from '../command.ts';
import { checkReadable, readNamed } from '../files.ts';
import type { LineEncoder } from '../logs/line-encoder.ts';
import { type Logs, logOptions, openLogs } from '../logs/open-logs.ts';
import { formatOf } from '../logs/topics.ts';
import { count } from '../output/numbers.ts';
import { stopOnSignal } from '../stop.ts';

export const topicProduceCommand: CommandSpec = {
  name: 'topic produce',
  summary: 'append JSON lines to a topic',
  doc: 'Reads stdin or --file, a record a line, and makes the topic when it is missing. With --key the partition is chosen by murmur2 of the key, as Kafka does; records without a key go to the partitions in turn. A bad line ends it with exit code 1; what came before is kept. With --pipeline the key, format and schema are those of the source that reads the topic.',
  args: [{ name: '<name>', doc: 'the topic' }],
  options: [
    ...logOptions,
    { flags: '--file <file>', doc: 'read lines from a file instead of stdin' },
    { flags: '--key <fields>', doc: 'field that is the key, or several with commas' },
    { flags: '--format <format>', doc: 'json: objects, checked (default) · text: any line, unchecked', choices: ['json', 'text'] },
    { flags: '--schema <file>', doc: 'Avro schema: write Avro in the Confluent frame' },
    { flags: '--partitions <n>', doc: 'partitions of a topic that is made (default: as the profile says)', integer: true },
  ],
  examples: [
    'millrace topic produce transactions --key card_id --file in.jsonl --data-dir .millrace/shop',
    'echo \'{"id":1}\' | millrace topic produce orders --pipeline pipeline.yaml',
  ],
  async run(call) {
    const { host } = call;
    const name = call.args[0];
    const source = await sourceOf(call, name);
    const schemaFile = call.text('schema');
    const schema = schemaFile === undefined ? undefined : await readSchema(call, schemaFile);
    const file = call.text('file');
    if (file !== undefined) checkReadable(host.cwd, file, 'file_unreadable');
    const logs = await openLogs(call, true);
    const stop = stopOnSignal(host);
    try {
      const topic = await prepareTopic(call, logs, name, source, schema);
      const encode = await encoderFor(call, logs, topic, source);
      const { produceLines } = await import('../logs/produce-lines.ts');
      const input = addAbortSignal(stop.signal, file === undefined ? host.stdin : createReadStream(resolve(host.cwd, file)));
      const { records, refused } = await produceLines({ log: logs.log, topic: name, input, encode, now: () => host.clock.now(), signal: stop.signal });
      const report = { topic: name, records, ...(logs.dataDir === null ? { brokers: logs.place } : { data_dir: logs.dataDir }) };
      if (refused) {
        const hint = `${records === 1 ? 'The one record before it is' : `The ${count(records)} records before it are`} written; mend the line and go on from there.`;
        throw new PlacedError('bad_line', { file: file ?? 'stdin', line: refused.line, col: 1 }, `${refused.message} (${refused.code})`, { hint });
      }
      await host.stdout.write(
        call.json ? `${JSON.stringify(report)}\n` : `${count(records)} record${records === 1 ? '' : 's'} written to ${name} in ${logs.place}\n`,
      );
      return 0;
    } finally {
      stop.dispose();
      await logs.close();
    }
  },
};

/** The source of --pipeline that reads the topic, for what it says of key and format. */
async function sourceOf(call: Call, topic: string): Promise<SourcePlan | undefined> {
  const pipeline = call.text('pipeline');
  if (pipeline === undefined) return undefined;
  return (await planOf(call.host, pipeline)).sources.find((source) => source.type === 'topic' && source.topic === topic);
}

/** A checked Avro schema. Throws schema_invalid. */
async function readSchema(call: Call, file: string): Promise<unknown> {
  const text = readNamed(call.host.cwd, file, 'file_unreadable');
  const { parseSchema } = await import('@millrace/shared-schemas/avro.ts');
  try {
    return parseSchema(JSON.parse(text)).json;
  } catch (error) {
    throw new PlacedError(
      'schema_invalid',
      { file, line: 1, col: 1 },
      error instanceof SyntaxError ? `It is not JSON: ${error.message}.` : (error as Error).message,
    );
  }
}

/** The topic as it is, or made anew in the format asked for. A topic keeps the format it has. */
async function prepareTopic(call: Call, { log, profile }: Logs, name: string, source: SourcePlan | undefined, schema: unknown): Promise<TopicInfo> {
  const old = log.topic(name);
  if (old !== null) {
    if (schema !== undefined && formatOf(old) !== 'avro')
      throw new MillraceError('wrong_usage', `${name} holds ${formatOf(old)}, so --schema does not fit it.`, {
        hint: 'Leave --schema out, or use another topic.',
      });
    return old;
  }
  const avro = schema ?? (source?.format === 'avro' ? source.schema : undefined);
  const meta: Record<string, string> =
    avro !== undefined ? { format: 'avro', schema: JSON.stringify(avro) } : { format: source?.format ?? (call.text('format') === 'text' ? 'bytes' : 'json') };
  return await log.ensure(name, call.integer('partitions') || profile.transport.partitions, meta);
}

/** An Avro topic's schema is registered as the run itself would. */
async function encoderFor(call: Call, { registry }: Logs, topic: TopicInfo, source: SourcePlan | undefined): Promise<LineEncoder> {
  const { avroLines, jsonLines, textLines } = await import('../logs/line-encoder.ts');
  const keys = call.text('key')?.split(',') ?? source?.key ?? [];
  if (call.text('format') === 'text') {
    if (call.text('key') !== undefined)
      throw new MillraceError('wrong_usage', '--key needs lines of JSON to take the key from.', { hint: 'Leave --key or --format text out.' });
    return textLines;
  }
  if (formatOf(topic) !== 'avro') return jsonLines(keys);
  const schema: unknown = JSON.parse(topic.meta.schema);
  return avroLines(schema, await registry.register(`${topic.name}-value`, schema), keys);
}
