import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { called, tempDir } from '../millrace.case.ts';

const dir = tempDir();
const run = (...args: string[]) => called(dir.path, ['run', 'p.yaml', '--until', 'end', ...args]);
const untouched = (): boolean => !existsSync(join(dir.path, '.millrace')) && !existsSync(join(dir.path, 'out.jsonl'));

function setUp(): void {
  writeFileSync(join(dir.path, 'in.jsonl'), '{"id":1}\n');
  writeFileSync(
    join(dir.path, 'p.yaml'),
    `version: 1
name: tiny
schemas: { order: { type: record, name: Order, fields: [{ name: id, type: long }] } }
preprocess:
  sources: [{ id: orders, type: file, path: in.jsonl, format: json, schema: order }]
  outputs: [{ id: kept, type: file, path: out.jsonl, format: json }]
`,
  );
}

test('a run says where it serves, and ends as ever', async () => {
  setUp();
  const { code, stderr } = await run('--status', '127.0.0.1:0');
  expect(code).toBe(0);
  expect(stderr).toMatch(/^info status http:\/\/127\.0\.0\.1:[1-9]\d* serves \/metrics, \/health and \/ready\.$/m);
  expect((await run()).stderr).not.toContain('serves');
});

test('a profile says where as well', async () => {
  setUp();
  writeFileSync(join(dir.path, 'served.yaml'), 'http: { listen: 127.0.0.1:0, token: "${TOKEN:-}" }\n');
  for (const env of [{}, { TOKEN: 's3cret' }] as Record<string, string>[]) {
    const { code, stderr } = await called(dir.path, ['run', 'p.yaml', '--until', 'end', '--profile', 'served.yaml'], { env });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('serves /metrics');
    expect(stderr).not.toContain('s3cret');
  }
});

test('what others can reach needs a token, before anything is touched', async () => {
  setUp();
  const { code, stderr } = await run('--status', '0.0.0.0:0');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^millrace: address_exposed Without a token .*0\.0\.0\.0 can be reached from others\.$/m);
  expect(stderr).toContain('hint: Listen on 127.0.0.1');
  expect(untouched()).toBe(true);
});

test('a port in use ends the run with 1, before anything is touched', async () => {
  setUp();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const { code, stdout } = await run('--json', '--status', `127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'address_unusable', message: expect.stringContaining(`127.0.0.1:${port}: another process`) } });
    expect(untouched()).toBe(true);
  } finally {
    other.close();
  }
});

test('an address that is none is wrong usage', async () => {
  setUp();
  const { code, stderr } = await run('--status', '8088');
  expect(code).toBe(2);
  expect(stderr).toContain('wrong_usage --status 8088 is no HOST:PORT.');
});
