import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvEncoder } from '@millrace/shared-schemas/csv.ts';
import { FileSink } from '@millrace/transport/connectors/file-sink.ts';
import { afterAll, expect, test } from 'vitest';
import type { OutputCore } from './core.ts';
import { FileOutput } from './file-output.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-file-output-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function open(name: string, core: OutputCore, committed: number): FileOutput {
  const output = new FileOutput(new FileSink(join(dir, name), committed), core, csvEncoder([{ name: 'n', slot: 'n', type: { kind: 'BIGINT' } }]));
  output.header('n');
  return output;
}

const text = (name: string): string => readFileSync(join(dir, name), 'utf8');

test('the header is a line of its own', () => {
  const core = { seqs: [], length: 0 };
  const output = open('fresh.csv', core, 0);
  output.write({ n: 1 });
  output.write({ n: 2 });
  output.flush();
  expect(text('fresh.csv')).toBe('n\n1\n2\n');
  expect(core.length).toBe(6);
});

test('a replay from before the header, of batches that wrote no row, does not write it again', () => {
  open('quiet.csv', { seqs: [], length: 0 }, 0).close();
  const core = { seqs: [], length: 0 };
  const output = open('quiet.csv', core, 2);
  output.replaying = true;
  output.replaying = false;
  output.write({ n: 1 });
  output.flush();
  expect(text('quiet.csv')).toBe('n\n1\n');
  expect(core.length).toBe(4);
});

test('a replay of rows counts them and writes none', () => {
  const first = open('rows.csv', { seqs: [], length: 0 }, 0);
  first.write({ n: 1 });
  first.flush();
  const core = { seqs: [], length: 0 };
  const output = open('rows.csv', core, 4);
  output.replaying = true;
  output.write({ n: 1 });
  output.replaying = false;
  expect(core.length).toBe(4);
  output.write({ n: 2 });
  output.flush();
  expect(text('rows.csv')).toBe('n\n1\n2\n');
});
