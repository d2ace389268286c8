import { linkSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readText } from '@millrace/runtime/read-text.ts';
import { isAlive, type ProcessId, thisProcess } from '../embedded/process.ts';

/** Where a file system or its rights do not let a claim stand, there is none: the file is written as if nobody else could. */
const IMPOSSIBLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK']);

interface Owner extends ProcessId {
  /** the machine, and what its process ids count in: those of another cannot be looked up */
  readonly place: string;
  /** tells it from other claims of the process */
  readonly number: number;
}

let made = 0;

/** Other numbers of processes, in a container or on another machine. */
function placeHere(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/**
 * Who writes a file or a directory, kept beside it in a hidden file `.NAME.owner-N`. N is one more with each who takes it over, and made by an exclusive link:
 * of two who take it at once, each sees the other. Nobody is kept from writing by it; whoever has to know asks `holds`.
 */
export class FileClaim {
  readonly #file: string;
  readonly #text: string;
  /** whether who had it before may still write to it */
  readonly contested: boolean;

  private constructor(file: string, text: string, contested: boolean) {
    this.#file = file;
    this.#text = text;
    this.contested = contested;
  }

  /** Takes it from whoever has it. Null where nothing can be written beside it. Throws what else the file system says. */
  static take(path: string): FileClaim | null {
    const prefix = `.${basename(path)}.owner-`;
    const place = dirname(path);
    const owner: Owner = { ...thisProcess(), place: placeHere(), number: made++ };
    const text = JSON.stringify(owner);
    const temporary = join(place, `.${basename(path)}.claim-${owner.pid}-${owner.number}`);
    try {
      writeFileSync(temporary, text);
      for (;;) {
        const before = numbers(place, prefix);
        const last = before.at(-1) ?? 0;
        const file = join(place, `${prefix}${last + 1}`);
        if (!linked(temporary, file)) continue;
        const contested = before.some((number) => mayLive(join(place, `${prefix}${number}`), owner.place));
        return new FileClaim(file, text, contested);
      }
    } catch (error) {
      if (IMPOSSIBLE.has((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** Whether nobody has taken it since. */
  get holds(): boolean {
    if (readText(this.#file) !== this.#text) return false;
    const [place, prefix, number] = parts(this.#file);
    return numbers(place, prefix).at(-1) === number;
  }

  /** a name beside it that nobody else uses */
  get copy(): string {
    return `${this.#file}.copy`;
  }

  /** What it is now is its own: those before have nothing to look for any more. */
  settle(): void {
    const [place, prefix, mine] = parts(this.#file);
    for (const name of readdirSync(place))
      if (name.startsWith(prefix) && Number.parseInt(name.slice(prefix.length), 10) < mine) rmSync(join(place, name), { force: true });
  }

  /** Gives it back, unless another has it. */
  release(): void {
    if (readText(this.#file) === this.#text) rmSync(this.#file, { force: true });
  }
}

function parts(file: string): [place: string, prefix: string, number: number] {
  const at = file.lastIndexOf('-') + 1;
  return [dirname(file), basename(file.slice(0, at)), Number(file.slice(at))];
}

/** ascending */
function numbers(place: string, prefix: string): number[] {
  const found = readdirSync(place).filter((name) => name.startsWith(prefix));
  return found
    .map((name) => Number(name.slice(prefix.length)))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
}

/** false: it is there already */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function mayLive(file: string, here: string): boolean {
  const text = readText(file);
  if (text === null) return false;
  const owner = JSON.parse(text) as Owner;
  return owner.place !== here || isAlive(owner);
}
