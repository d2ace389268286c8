/**
 * A strict reader of Prometheus' text format 0.0.4: it takes what the format's page says and throws at everything else, also at what
 * Prometheus itself would let pass. For tests.
 */

export interface Told {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly ToldSample[];
}

interface ToldSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Group {
  readonly name: string;
  help: string | null;
  type: Told['type'] | null;
  samples: ToldSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const NUMBER = /^(?:[+-]Inf|NaN|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)$/;

/** The metrics of an exposition by name; throws with the line that is wrong. */
export function readExposition(text: string): Map<string, Told> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const groups = new Map<string, Group>();
  let current = null as Group | null;
  for (const line of text.slice(0, -1).split('\n')) {
    try {
      if (line === '') continue;
      const name: string = line.startsWith('#') ? commented(line).name : sampled(line, current);
      if (current?.name !== name) {
        if (groups.has(name)) throw new Error(`the lines of ${name} are not together`);
        current = { name, help: null, type: null, samples: [] };
        groups.set(name, current);
      }
      take(current, line);
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${line}`);
    }
  }
  return new Map([...groups].map(([name, group]) => [name, finished(group)]));
}

/** The samples of one metric whose labels include these, added up. */
export function told(metrics: ReadonlyMap<string, Told>, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const samples = metrics.get(name)?.samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value)) ?? [];
  if (samples.length === 0) throw new Error(`no sample of ${name} ${JSON.stringify(labels)}`);
  return samples.reduce((sum, { value }) => sum + value, 0);
}

function commented(line: string): { kind: string; name: string; rest: string } {
  const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
  if (kind === undefined || name === undefined || rest === undefined) throw new Error('a comment that is neither HELP nor TYPE');
  if (NAME.exec(name)?.[0] !== name) throw new Error('no name of a metric');
  return { kind, name, rest };
}

/** the metric a sample belongs to: for a histogram that is under way, its parts too */
function sampled(line: string, current: Group | null): string {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error('no name of a metric');
  const part = current?.type === 'histogram' && [`${current.name}_bucket`, `${current.name}_sum`, `${current.name}_count`].includes(name);
  return part ? (current as Group).name : name;
}

function take(group: Group, line: string): void {
  if (!line.startsWith('#')) {
    if (group.type === null || group.help === null) throw new Error('a sample before HELP and TYPE');
    group.samples.push(sample(line));
    return;
  }
  const { kind, rest } = commented(line);
  if (group.samples.length > 0) throw new Error(`${kind} behind a sample`);
  if (kind === 'HELP') {
    if (group.help !== null) throw new Error('a second HELP');
    if (rest.trim() === '') throw new Error('an empty HELP');
    if (/\\(?![\\n])/.test(rest.replaceAll('\\\\', ''))) throw new Error('an escape that HELP does not have');
    group.help = rest;
    return;
  }
  if (group.type !== null) throw new Error('a second TYPE');
  if (rest !== 'counter' && rest !== 'gauge' && rest !== 'histogram') throw new Error('an unknown type');
  group.type = rest;
}

function sample(line: string): ToldSample {
  const name = NAME.exec(line)?.[0] as string;
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    while (!rest.startsWith('}')) {
      const label = LABEL.exec(rest)?.[0];
      if (label === undefined) throw new Error('no name of a label');
      if (Object.hasOwn(labels, label)) throw new Error(`the label ${label} twice`);
      const quoted = /^="((?:[^"\\\n]|\\[\\"n])*)"(,(?=[a-zA-Z_])|(?=\}))/.exec(rest.slice(label.length));
      if (quoted === null) throw new Error(`the label ${label} has no proper value`);
      labels[label] = (quoted[1] as string).replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
      rest = rest.slice(label.length + quoted[0].length);
    }
    rest = rest.slice(1);
  }
  if (!rest.startsWith(' ')) throw new Error('no blank before the value');
  const text = rest.slice(1);
  if (!NUMBER.test(text)) throw new Error('no value');
  return { name, labels, value: text.endsWith('Inf') ? Number(text.replace('Inf', 'Infinity')) : Number(text) };
}

function finished({ name, help, type, samples }: Group): Told {
  if (help === null || type === null) throw new Error(`${name} has no ${help === null ? 'HELP' : 'TYPE'}`);
  const seen = new Set<string>();
  for (const { name: full, labels, value } of samples) {
    const key = JSON.stringify([full, Object.entries(labels).sort()]);
    if (seen.has(key)) throw new Error(`twice the same line: ${key}`);
    seen.add(key);
    if (type === 'counter' && !(value >= 0)) throw new Error(`the counter ${name} is ${value}`);
  }
  if (type === 'histogram') histogram(name, samples);
  return { type, help, samples };
}

/** Of each set of labels: buckets that grow up to `+Inf`, which is the count, and a sum. */
function histogram(name: string, samples: readonly ToldSample[]): void {
  const sets = new Map<string, { buckets: [number, number][]; sum?: number; count?: number }>();
  for (const { name: full, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(Object.entries(others).sort());
    const set = sets.get(key) ?? { buckets: [] };
    sets.set(key, set);
    if ((full === `${name}_bucket`) !== (le !== undefined)) throw new Error(`le belongs to the buckets of ${name}`);
    if (full === `${name}_bucket`) set.buckets.push([le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value]);
    else if (full === `${name}_sum`) set.sum = value;
    else if (full === `${name}_count`) set.count = value;
    else throw new Error(`${full} is no part of a histogram`);
  }
  for (const { buckets, sum, count } of sets.values()) {
    if (sum === undefined || count === undefined) throw new Error(`${name} without a sum or a count`);
    for (const [i, [le, value]] of buckets.entries()) {
      const [before, less] = buckets[i - 1] ?? [Number.NEGATIVE_INFINITY, 0];
      if (!(le > before) || !(value >= less)) throw new Error(`the buckets of ${name} do not grow at ${le}`);
    }
    const [last, all] = buckets.at(-1) ?? [];
    if (last !== Number.POSITIVE_INFINITY || all !== count) throw new Error(`the last bucket of ${name} is not its count`);
  }
}
