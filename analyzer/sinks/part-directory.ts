import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory, putFile, syncDirectory } from './durable-file.ts';

const PART = /^part-(\d{12})\.(?:jsonl|csv|parquet)$/;
const TEMPORARY = /^\.part-\d{12}\.(?:jsonl|csv|parquet)\.tmp$/;

interface Part {
  /** relative to the directory */
  readonly path: string;
  readonly batch: number;
  readonly bytes: number;
}

/** name of a batch's file in each directory */
export function partName(batch: number, extension: string): string {
  return `part-${String(batch).padStart(12, '0')}.${extension}`;
}

/** A directory of a file a batch, in directories `column=value` of any depth. Files of other names are not its own and stay. */
export class PartDirectory {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  make(): void {
    makeDirectory(this.#root);
  }

  /** Every part there is; what a crash left half-written is removed on the way. */
  scan(): Part[] {
    const parts: Part[] = [];
    const walk = (relative: string): void => {
      for (const entry of readdirSync(join(this.#root, relative), { withFileTypes: true })) {
        const path = join(relative, entry.name);
        const batch = PART.exec(entry.name)?.[1];
        if (entry.isDirectory() && entry.name.includes('=')) walk(path);
        else if (entry.isFile() && TEMPORARY.test(entry.name)) rmSync(join(this.#root, path));
        else if (entry.isFile() && batch !== undefined) parts.push({ path, batch: Number(batch), bytes: statSync(join(this.#root, path)).size });
      }
    };
    walk('');
    return parts;
  }

  /** Puts files there, each whole. */
  put(files: ReadonlyMap<string, Uint8Array>): void {
    const directories = new Set<string>();
    for (const [relative, bytes] of files) {
      const path = join(this.#root, relative);
      const directory = dirname(path);
      if (!directories.has(directory)) makeDirectory(directory);
      directories.add(directory);
      putFile(path, bytes);
    }
    for (const directory of directories) syncDirectory(directory);
  }

  /** Removes parts, and the directories that held nothing else. */
  remove(parts: readonly Part[]): void {
    for (const { path } of parts) {
      rmSync(join(this.#root, path));
      for (let at = dirname(path); at !== '.'; at = dirname(at)) {
        if (readdirSync(join(this.#root, at)).length > 0) break;
        rmdirSync(join(this.#root, at));
      }
    }
  }
}
