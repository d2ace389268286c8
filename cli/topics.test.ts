import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { called, start, tempDir } from './millrace.case.ts';

const dir = tempDir();
const data = ['--data-dir', 'data'];

const produce = (topic: string, input: string | Buffer, ...args: string[]) => called(dir.path, ['topic', 'produce', topic, ...data, ...args], { input });
async function cat(topic: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await called(dir.path, ['topic', 'cat', topic, '--json', '--until', 'end', ...data, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

describe('produce, then cat', () => {
  test('JSON comes back digit by digit, keyed and partitioned as Kafka does', async () => {
    // keys and hashes from Kafka's own UtilsTest: murmur2("21") = −973932308, murmur2("foobar") = −790332482
    const lines = '{"id":1,"card":"21","n":9007199254740993}\r\n\n{"id":2,"card":"foobar","n":1.50}\n{"id":3,"card":null}';
    expect(await produce('t', lines, '--key', 'card')).toEqual({ code: 0, stdout: '3 records written to t in data\n', stderr: '' });
    const { stdout } = await called(dir.path, ['topic', 'cat', 't', '--json', '--headers', '--until', 'end', ...data]);
    expect(stdout.split('\n').filter(Boolean)).toEqual([
      '{"partition":0,"offset":0,"key":"21","value":{"id":1,"card":"21","n":9007199254740993},"headers":{}}',
      '{"partition":0,"offset":1,"key":null,"value":{"id":3,"card":null},"headers":{}}',
      '{"partition":2,"offset":0,"key":"foobar","value":{"id":2,"card":"foobar","n":1.50},"headers":{}}',
    ]);
  });

  test('Avro is decoded, its longs in full', async () => {
    const schema = {
      type: 'record',
      name: 'T',
      fields: [
        { name: 'id', type: 'long' },
        { name: 'note', type: ['null', 'string'], default: null },
        { name: 'raw', type: 'bytes', default: '' },
      ],
    };
    writeFileSync(join(dir.path, 't.avsc'), JSON.stringify(schema));
    const { code } = await produce('t', '{"id":9223372036854775807,"note":"ü"}\n{"id":-1}\n', '--schema', 't.avsc', '--partitions', '1', '--key', 'id');
    expect(code).toBe(0);
    const { stdout } = await called(dir.path, ['topic', 'cat', 't', '--json', '--until', 'end', ...data]);
    expect(stdout).toBe(
      '{"partition":0,"offset":0,"key":"9223372036854775807","value":{"id":9223372036854775807,"note":"ü","raw":""}}\n' +
        '{"partition":0,"offset":1,"key":"-1","value":{"id":-1,"note":null,"raw":""}}\n',
    );
  });

  test('bytes that are no text are base64 under another name', async () => {
    await produce('t', Buffer.from([0xff, 0xfe, 0x0a, 0x68, 0x69, 0x0a]), '--format', 'text', '--partitions', '1');
    expect(await cat('t')).toEqual([
      { partition: 0, offset: 0, key: null, value_base64: '//4=' },
      { partition: 0, offset: 1, key: null, value: 'hi' },
    ]);
  });

  test('--partition, --from and --limit', async () => {
    await produce('t', '{"i":0}\n{"i":1}\n{"i":2}\n{"i":3}\n{"i":4}\n{"i":5}\n', '--partitions', '2');
    expect((await cat('t', '--partition', '1', '--from', '1')).map(({ value }) => value)).toEqual([{ i: 3 }, { i: 5 }]);
    expect(await cat('t', '--limit', '4')).toHaveLength(4);
    expect(await cat('t', '--limit', '0')).toHaveLength(0);
    expect(await cat('t', '--from', '99')).toHaveLength(0);
  });

  test('a bad line is refused with its number, and nothing before it is lost', async () => {
    const { code, stdout, stderr } = await produce('t', '{"i":0}\n{"i":1}\n{"i":\n{"i":3}\n');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^stdin:3:1 bad_line .*undecodable/);
    expect(await cat('t')).toHaveLength(2);
  });

  test('without --until end it follows the log until Ctrl-C', async () => {
    await produce('t', '{"i":0}\n');
    const follower = start(dir.path, ['topic', 'cat', 't', '--json', ...data]);
    await follower.seen('{"i":0}');
    await produce('t', '{"i":1}\n');
    await follower.seen('{"i":1}');
    follower.child.kill('SIGINT');
    expect((await follower.done).code).toBe(0);
  });

  test('input that stays open is written as it comes, and Ctrl-C ends it in order', async () => {
    const producer = start(dir.path, ['topic', 'produce', 't', ...data]);
    const reader = start(dir.path, ['topic', 'list', ...data], { input: '' });
    await reader.done;
    producer.child.stdin?.write('{"i":0}\n');
    await expect
      .poll(async () => (await called(dir.path, ['topic', 'cat', 't', '--until', 'end', ...data])).stdout, { timeout: 10_000, interval: 100 })
      .toContain('{"i":0}');
    producer.child.kill('SIGINT');
    expect(await producer.done).toMatchObject({ code: 0, stdout: '1 record written to t in data\n' });
  });
});

describe('what is not there', () => {
  test('a topic: exit code 1, and the nearest name', async () => {
    await produce('transactions', '{}\n');
    const { code, stderr } = await called(dir.path, ['topic', 'cat', 'transaction', '--until', 'end', ...data]);
    expect(code).toBe(1);
    expect(stderr).toContain('unknown_topic There is no topic transaction.\n  hint: Did you mean transactions?');
  });

  test('a data directory: exit code 1, and none is made', async () => {
    const { code, stderr } = await called(dir.path, ['topic', 'list', '--data-dir', 'nowhere']);
    expect(code).toBe(1);
    expect(stderr).toContain('data_dir_missing There is no data directory nowhere.');
    expect(readdirSync(dir.path)).toEqual([]);
    mkdirSync(join(dir.path, 'empty'));
    expect((await called(dir.path, ['topic', 'list', '--data-dir', 'empty'])).code).toBe(1);
    expect(readdirSync(join(dir.path, 'empty'))).toEqual([]);
  });

  test('no data directory named: the only one under .millrace is meant, else exit code 2', async () => {
    expect((await called(dir.path, ['topic', 'list'])).code).toBe(2);
    await start(dir.path, ['topic', 'produce', 't', '--data-dir', '.millrace/one'], { input: '{}\n' }).done;
    expect((await called(dir.path, ['topic', 'list'])).stdout).toMatch(/^t +json +4 +1$/m);
    await start(dir.path, ['topic', 'produce', 't', '--data-dir', '.millrace/two'], { input: '{}\n' }).done;
    const { code, stderr } = await called(dir.path, ['topic', 'list']);
    expect(code).toBe(2);
    expect(stderr).toContain('one, two');
  });
});
