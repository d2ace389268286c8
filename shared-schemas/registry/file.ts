import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { readText } from '@millrace/runtime/read-text.ts';
import { type ParsedSchema, parseSchema } from '../avro.ts';
import { type Compatibility, incompatibilities } from './evolution.ts';
import type { SchemaRegistry } from './registry.ts';

/**
 * A registry in a data directory, for one process or several: `schemas/ids/<id>.json` holds a schema,
 * `schemas/subjects/<subject>/<version>.json` an id. A file appears whole or not at all, under a number nobody else took (a
 * link to a finished file), and never changes: whoever loses the race looks again.
 */
export class FileRegistry implements SchemaRegistry {
  readonly #root: string;
  readonly #byId = new Map<number, ParsedSchema>();

  constructor(dataDir: string) {
    this.#root = join(dataDir, 'schemas');
  }

  register(subject: string, schema: unknown, compatibility: Compatibility = 'BACKWARD'): number {
    const parsed = parseSchema(schema);
    const dir = this.#subject(subject);
    for (;;) {
      const versions = this.versions(subject);
      for (const id of versions) if (this.byId(id)?.canonical === parsed.canonical) return id;
      this.#compare(subject, parsed, compatibility);
      const id = this.#idOf(parsed);
      if (create(dir, versions.length + 1, JSON.stringify({ id }))) return id;
    }
  }

  checkWriter(subject: string, schema: unknown): void {
    const parsed = parseSchema(schema);
    const isThere = this.versions(subject).some((id) => this.byId(id)?.canonical === parsed.canonical);
    if (!isThere) this.#compare(subject, parsed, 'BACKWARD');
  }

  checkReader(subject: string, schema: unknown): void {
    this.#compare(subject, parseSchema(schema), 'BACKWARD');
  }

  #compare(subject: string, parsed: ParsedSchema, compatibility: Compatibility): void {
    const last = this.versions(subject).at(-1);
    const previous = last === undefined ? null : this.byId(last);
    const reasons = previous === null ? [] : incompatibilities(parsed, previous, compatibility);
    if (reasons.length > 0) throw new MillraceError('schema_incompatible', `${subject}: ${reasons.join('; ')}`);
  }

  byId(id: number): ParsedSchema | null {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const text = readText(join(this.#root, 'ids', `${id}.json`));
    if (text === null) return null;
    const parsed = parseSchema(JSON.parse(text));
    this.#byId.set(id, parsed);
    return parsed;
  }

  /** the disk is always at hand */
  knows(): boolean {
    return true;
  }

  fetch(): Promise<void> {
    return Promise.resolve();
  }

  /** ids by version, ascending; empty for a subject nobody registered */
  versions(subject: string): number[] {
    const dir = this.#subject(subject);
    return numbers(dir).map((version) => (JSON.parse(readText(join(dir, `${version}.json`)) as string) as { id: number }).id);
  }

  #subject(subject: string): string {
    // percent-encoded, dots too: a subject must not name another directory
    return join(this.#root, 'subjects', encodeURIComponent(subject).replaceAll('.', '%2E'));
  }

  #idOf(schema: ParsedSchema): number {
    const dir = join(this.#root, 'ids');
    for (;;) {
      const ids = numbers(dir);
      for (const id of ids) if (this.byId(id)?.canonical === schema.canonical) return id;
      const id = (ids.at(-1) ?? 0) + 1;
      if (create(dir, id, JSON.stringify(schema.json))) return id;
    }
  }
}

function numbers(dir: string): number[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => /^\d+\.json$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}

/** Makes `<number>.json`, durably; false when it exists. */
function create(dir: string, number: number, text: string): boolean {
  mkdirSync(dir, { recursive: true });
  const temporary = join(dir, `${number}.${process.pid}-${threadId}.tmp`);
  const file = openSync(temporary, 'w');
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(temporary, join(dir, `${number}.json`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
  const parent = openSync(dir, 'r');
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
  return true;
}
