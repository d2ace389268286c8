import type { Ledger } from '@millrace/transport/log.ts';
import { pipelineKey } from '../task/store.ts';

/**
 * Which version of each lookup table counts for what comes next. A version is named by the number of the naming and the hash of its content, so a content
 * that comes back has another name: a task that has one version in force never takes an older one.
 */
export interface TableCatalog {
  /** name of the version by table id */
  readonly named: Readonly<Record<string, string>>;
  /** names that stand in the ledger and are not to be taken any more */
  readonly old: readonly string[];
  /** number of the last naming */
  readonly count: number;
}

const NOTHING: TableCatalog = { named: {}, old: [], count: 0 };

export function catalogKey(pipeline: string): string {
  return pipelineKey(pipeline, 'tables');
}

/** Where the content of a version lies. `version`: its name */
export function tableKey(pipeline: string, version: string): string {
  return pipelineKey(pipeline, 'table', version);
}

export function readCatalog(ledger: Ledger, pipeline: string): TableCatalog {
  const bytes = ledger.get(catalogKey(pipeline));
  return bytes === null ? NOTHING : (JSON.parse(Buffer.from(bytes).toString()) as TableCatalog);
}

export function catalogBytes(catalog: TableCatalog): Uint8Array {
  return Buffer.from(JSON.stringify(catalog));
}

/** hash of the content of a version */
export function hashOf(version: string): string {
  return version.slice(version.indexOf('.') + 1);
}

/** The catalog with another content of a table: its version is a new one. */
export function withContent(catalog: TableCatalog, table: string, hash: string): { readonly catalog: TableCatalog; readonly version: string } {
  const count = catalog.count + 1;
  const version = `${count}.${hash}`;
  const before = catalog.named[table];
  const old = before === undefined ? catalog.old : [...catalog.old, before];
  return { catalog: { named: { ...catalog.named, [table]: version }, old, count }, version };
}
