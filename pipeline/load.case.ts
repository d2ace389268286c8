import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { type Loaded, loadPipeline } from './load.ts';
import type { Plan } from './plan.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-load-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;

/** Writes a pipeline file, and what it names, to a directory of its own and loads it. */
export async function load(
  text: string | Uint8Array,
  { env = {}, files = {} }: { env?: Record<string, string>; files?: Record<string, string> } = {},
): Promise<Loaded> {
  const directory = join(root, String(made++));
  for (const [name, content] of Object.entries({ 'pipeline.yaml': text, ...files })) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return loadPipeline(join(directory, 'pipeline.yaml'), { env });
}

/** The plan of a file that has to be fine. */
export async function planOf(text: string, options: Parameters<typeof load>[1] = {}): Promise<Plan> {
  const { findings, plan } = await load(text, options);
  if (plan === null) throw new Error(`the file has findings: ${brief(findings).join('; ')}`);
  return plan;
}

/** Findings as `line:col code`. */
export function brief(findings: Loaded['findings']): string[] {
  return findings.map(({ line, col, code }) => `${line}:${col} ${code}`);
}

export const schemas = `schemas:
  card:
    type: record
    name: Card
    fields:
      - { name: tx_id, type: string }
      - { name: card_id, type: string }
      - { name: merchant_id, type: long }
      - { name: amount, type: double }
      - { name: currency, type: [null, string], default: null }
      - { name: items, type: { type: array, items: string } }
      - { name: event_time, type: long }
`;

/** A whole file around steps and outputs given as lines of YAML, which begin in line 17. */
export function pipeline(
  body: string,
  source = '{ id: cards, type: topic, topic: cards, format: json, schema: card, key: card_id, event_time: { field: event_time, out_of_order: 2s } }',
): string {
  return `version: 1
name: shop
${schemas}preprocess:
  sources:
    - ${source}
${body}`;
}

/** A text without its ▸ marks, and where they stood, as `line:col`. */
export function unmark(text: string): { text: string; places: string[] } {
  const places: string[] = [];
  let clean = '';
  for (const part of text.split(/(▸)/)) {
    if (part !== '▸') clean += part;
    else places.push(`${clean.split('\n').length}:${clean.length - clean.lastIndexOf('\n')}`);
  }
  return { text: clean, places };
}
