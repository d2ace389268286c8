import type { Report } from '../report.ts';
import { didYouMean } from '../suggest.ts';
import { entryOf, headOf, type MapNode, type Node, type ScalarNode } from '../yaml/node.ts';
import type { Stream } from './stream.ts';

type Kind = 'source' | 'step' | 'output' | 'analyze source' | 'query' | 'sink';

interface Named {
  readonly kind: Kind;
  readonly position: number;
}

/** What the items of a section may read: its sources, and those of its own list that come before. */
interface Readable {
  readonly source: Kind;
  readonly before: Kind;
}

const inPreprocess: Readable = { source: 'source', before: 'step' };
export const inAnalyze: Readable = { source: 'analyze source', before: 'query' };

const SECTIONS: readonly (readonly [section: 'preprocess' | 'analyze', key: string, kind: Kind])[] = [
  ['preprocess', 'sources', 'source'],
  ['preprocess', 'steps', 'step'],
  ['preprocess', 'outputs', 'output'],
  ['analyze', 'sources', 'analyze source'],
  ['analyze', 'queries', 'query'],
  ['analyze', 'sinks', 'sink'],
];

const withArticle = (kind: Kind): string => `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;

/** Who is called what in a file, and what the streams of those planned so far look like (null: not known, for a finding). */
export class Ids {
  readonly #named = new Map<string, Named>();
  readonly #streams = new Map<string, Stream | null>();
  readonly #report: Report;

  /** Takes down every id of the file; one that stands twice is reported. */
  constructor(root: MapNode, report: Report) {
    this.#report = report;
    for (const [section, key, kind] of SECTIONS) {
      for (const [position, node] of mapsIn(root, section, key).entries()) {
        const id = entryOf(node, 'id')?.value;
        if (id?.kind !== 'scalar' || typeof id.value !== 'string' || id.unresolved) continue;
        const first = this.#named.get(id.text);
        if (first === undefined) this.#named.set(id.text, { kind, position });
        else report.error(id, 'duplicate_id', `There is ${withArticle(first.kind)} ${id.shown} already.`);
      }
    }
  }

  planned(id: string, stream: Stream | null): void {
    if (!this.#streams.has(id)) this.#streams.set(id, stream);
  }

  stream(id: string): Stream | null {
    return this.#streams.get(id) ?? null;
  }

  /** The stream a `from` of `preprocess` names; what cannot be read is reported and null. `position` is the reader's in `steps`, or Infinity for an output. */
  read(from: ScalarNode, position: number): Stream | null {
    return this.resolves(from, position, inPreprocess) ? this.stream(from.text) : null;
  }

  /** Whether a `from` names something that may be read there; reports when not. */
  resolves(from: ScalarNode, position: number, { source, before }: Readable): boolean {
    const named = this.#named.get(from.text);
    const readable = [...this.#named].filter(([, one]) => one.kind === source || (one.kind === before && one.position < position)).map(([id]) => id);
    if (named === undefined) this.#report.error(from, 'dangling_from', `There is no ${source} or ${before} ${from.shown}.`, didYouMean(from.text, readable));
    else if (named.kind === 'output' && before === 'query')
      this.#report.error(
        from,
        'dangling_from',
        `${from.shown} is an output of preprocess.`,
        `Read it through a source of analyze: { id: …, output: ${from.shown} }.`,
      );
    else if (named.kind !== source && named.kind !== before)
      this.#report.error(from, 'dangling_from', `${from.shown} is ${withArticle(named.kind)}, and nothing can read from it here.`, didYouMean('', readable));
    else if (named.kind === before && named.position >= position) {
      const self = named.position === position;
      this.#report.error(
        from,
        'forward_from',
        self ? `${from.shown} reads itself.` : `${from.shown} comes after this ${before}.`,
        self ? didYouMean('', readable) : undefined,
      );
    } else return true;
    return false;
  }
}

function mapsIn(root: MapNode, section: string, key: string): MapNode[] {
  const outer = entryOf(root, section)?.value;
  const list = outer?.kind === 'map' ? entryOf(outer, key)?.value : undefined;
  return list?.kind === 'list' ? list.items.filter((item): item is MapNode => item.kind === 'map') : [];
}

export function idOf(node: MapNode): string | null {
  const id = entryOf(node, 'id')?.value;
  return id?.kind === 'scalar' ? id.text : null;
}

/** The value of `type`, or where it should be. */
export function typeNode(node: MapNode): Node | undefined {
  return entryOf(node, 'type')?.value;
}

export function placeOf(node: MapNode): ReturnType<typeof headOf> {
  return entryOf(node, 'id')?.value ?? headOf(node);
}
