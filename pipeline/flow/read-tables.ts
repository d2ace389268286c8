import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { whyUnreadable } from '../files.ts';
import type { Report } from '../report.ts';
import type { Schemas } from '../schemas.ts';
import { readFields } from '../spec/field.ts';
import { didYouMean } from '../suggest.ts';
import { sniffTable, type Table } from '../tables.ts';
import { headOf, type MapNode, type ScalarNode } from '../yaml/node.ts';
import { tableFields } from './sections.ts';

/** Reads `tables`: the files are looked into, for their columns and for keys that repeat. */
export async function readTables(node: MapNode | undefined, directory: string, schemas: Schemas, report: Report): Promise<ReadonlyMap<string, Table>> {
  const tables = new Map<string, Table>();
  for (const { key: id, value } of node?.entries ?? []) {
    const unknown = { id: id.text, path: '', key: [], columns: null };
    tables.set(id.text, unknown);
    if (value.kind !== 'map') {
      report.error(headOf(value), 'wrong_type', 'A table is { file: …, key: … }.');
      continue;
    }
    const read = readFields(value, tableFields, report, 'a table');
    if (read === null) continue;
    const { file, key, schema } = read.values;
    if (read.at.file === undefined && read.at.topic === undefined)
      report.error(headOf(value), 'missing_key', 'A table needs a file.', 'Write { file: merchants.csv, key: merchant_id }.');
    if (file === undefined) continue;
    const path = resolve(directory, file.text);
    const names = key.map(({ text }) => text);
    const table = { ...unknown, path, key: names };
    tables.set(id.text, table);
    if (schema !== undefined && !schemas.has(schema.text))
      report.error(schema, 'unknown_schema', `There is no schema ${schema.shown}.`, didYouMean(schema.text, schemas.keys()));
    const parsed = schema === undefined ? null : (schemas.get(schema.text) ?? undefined);
    if (parsed === undefined || names.length === 0 || read.at.topic !== undefined || !isReadable(path, file, report)) continue;
    try {
      tables.set(id.text, { ...table, columns: await sniffTable(path, names, parsed) });
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      report.error(file, 'bad_table', `Table ${id.text}: ${error.message}.`);
    }
  }
  return tables;
}

function isReadable(path: string, file: ScalarNode, report: Report): boolean {
  try {
    accessSync(path, constants.R_OK);
    if (!statSync(path).isDirectory()) return true;
    report.error(file, 'unreadable_file', `${file.shown} is a directory.`);
  } catch (error) {
    report.error(file, 'unreadable_file', `${file.shown}: ${whyUnreadable(error)}.`);
  }
  return false;
}
