import type { Commit } from '../log.ts';

/** what an entry takes beside its value, bytes, about */
const OVERHEAD = 100;

const bytesOf = (value: Uint8Array | null): number => OVERHEAD + (value?.length ?? 0);

/** Changes by key, the newest of each, in the order in which the keys were changed first. */
export class Fresh {
  /** null: deleted */
  readonly #changes = new Map<string, Uint8Array | null>();
  /** what the changes take, about */
  bytes = 0;

  /** undefined: unchanged */
  get(key: string): Uint8Array | null | undefined {
    return this.#changes.get(key);
  }

  add(puts: Iterable<Commit['puts'][number]>): void {
    for (const [key, value] of puts) {
      const old = this.#changes.get(key);
      this.bytes += bytesOf(value) - (old === undefined ? 0 : bytesOf(old));
      this.#changes.set(key, value);
    }
  }

  /** Takes some out, until they are of about `most` bytes; one at least where there are any. */
  take(most: number): [key: string, value: Uint8Array | null][] {
    const taken: [string, Uint8Array | null][] = [];
    let bytes = 0;
    for (const change of this.#changes) {
      if (bytes >= most) break;
      bytes += bytesOf(change[1]);
      taken.push(change);
    }
    if (taken.length === this.#changes.size) this.#changes.clear();
    else for (const [key] of taken) this.#changes.delete(key);
    this.bytes -= bytes;
    return taken;
  }

  clear(): void {
    this.#changes.clear();
    this.bytes = 0;
  }

  /** Entries in the order of their keys (UTF-8 bytes), as these changes leave them; the values are copies. */
  *over(entries: Iterable<readonly [key: string, value: Uint8Array]>, prefix: string): Generator<readonly [key: string, value: Uint8Array]> {
    const changes: (readonly [key: Buffer, name: string])[] = [];
    for (const name of this.#changes.keys()) if (name.startsWith(prefix)) changes.push([Buffer.from(name), name]);
    if (changes.length === 0) return yield* entries;
    changes.sort(([a], [b]) => Buffer.compare(a, b));
    // as they are now, whatever is added or taken while somebody looks
    const values = new Map(changes.map(([, name]) => [name, this.#changes.get(name) as Uint8Array | null]));
    let at = 0;
    function* changed(until: string | null): Generator<readonly [key: string, value: Uint8Array]> {
      const limit = until === null ? null : Buffer.from(until);
      for (; at < changes.length; at++) {
        const [key, name] = changes[at] as readonly [Buffer, string];
        if (limit !== null && Buffer.compare(key, limit) >= 0) return;
        const value = values.get(name);
        if (value) yield [name, new Uint8Array(value)];
      }
    }
    for (const entry of entries) {
      yield* changed(entry[0]);
      if (!values.has(entry[0])) yield entry;
    }
    yield* changed(null);
  }
}
