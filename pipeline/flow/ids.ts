import type { Report } from '../report.ts';
import { didYouMean } from '../suggest.ts';
import { entryOf, headOf, type MapNode, type Node, type ScalarNode } from '../yaml/node.ts';
import type { Stream } from './stream.ts';

interface Named {
  readonly kind: 'source' | 'step' | 'output';
  readonly position: number;
}

/** Who is called what in a file, and what the streams of those planned so far look like (null: not known, for a finding). */
export class Ids {
  readonly #named = new Map<string, Named>();
  readonly #streams = new Map<string, Stream | null>();
  readonly #report: Report;

  constructor(sections: readonly (readonly [Named['kind'], readonly MapNode[]])[], report: Report) {
    this.#report = report;
    for (const [kind, nodes] of sections) {
      for (const [position, node] of nodes.entries()) {
        const id = entryOf(node, 'id')?.value;
        if (id?.kind !== 'scalar' || typeof id.value !== 'string' || id.unresolved) continue;
        const first = this.#named.get(id.text);
        if (first === undefined) this.#named.set(id.text, { kind, position });
        else report.error(id, 'duplicate_id', `There is a ${first.kind} ${id.shown} already.`);
      }
    }
  }

  planned(id: string, stream: Stream | null): void {
    if (!this.#streams.has(id)) this.#streams.set(id, stream);
  }

  stream(id: string): Stream | null {
    return this.#streams.get(id) ?? null;
  }

  /** The stream a `from` names; what cannot be read is reported and null. `position` is the reader's in `steps`, or Infinity for an output. */
  read(from: ScalarNode, position: number): Stream | null {
    const named = this.#named.get(from.text);
    const readable = [...this.#named].filter(([, one]) => one.kind === 'source' || (one.kind === 'step' && one.position < position)).map(([id]) => id);
    if (named === undefined) this.#report.error(from, 'dangling_from', `There is no source or step ${from.shown}.`, didYouMean(from.text, readable));
    else if (named.kind === 'output')
      this.#report.error(from, 'dangling_from', `${from.shown} is an output, and nothing can read from it here.`, didYouMean('', readable));
    else if (named.kind === 'step' && named.position >= position) {
      const self = named.position === position;
      this.#report.error(
        from,
        'forward_from',
        self ? `${from.shown} reads itself.` : `${from.shown} comes after this step.`,
        self ? didYouMean('', readable) : undefined,
      );
    } else return this.stream(from.text);
    return null;
  }
}

/** The value of `type`, or where it should be. */
export function typeNode(node: MapNode): Node | undefined {
  return entryOf(node, 'type')?.value;
}

export function placeOf(node: MapNode): ReturnType<typeof headOf> {
  return entryOf(node, 'id')?.value ?? headOf(node);
}
