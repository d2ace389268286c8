import type { Report } from '../report.ts';
import { type Kind, optional, readFields } from '../spec/field.ts';
import { duration, number, objectSchema } from '../spec/kinds.ts';
import { didYouMean } from '../suggest.ts';
import { describe, headOf, type Node } from '../yaml/node.ts';
import type { TriggerPlan } from './plan.ts';

const WORDS = ['available_now', 'once'] as const;

const yes: Kind<true> = {
  what: 'true',
  schema: { const: true },
  read(node, report) {
    if (node.kind === 'scalar' && (node.unresolved || node.value === true)) return true;
    report.error(headOf(node), 'wrong_type', `Expected true, found ${describe(node)}.`, 'Write true, or leave the key out.');
    return undefined;
  },
};

export const triggerFields = {
  every: optional(duration(), 'A batch at each multiple of this time, or when the last one ends if that is later. 0s: as fast as possible. Default: 1s.'),
  available_now: optional(yes, 'All there is when the run begins, in several batches by max_records; then the run ends.'),
  once: optional(yes, 'All there is when the run begins, in one batch; then the run ends.'),
  max_records: optional(number({ min: 1, max: 1_000_000_000, integer: true }), 'Records of a batch at most, over all partitions. No limit when left out.'),
};

const DEFAULT_EVERY = 1000;
export const defaultTrigger: TriggerPlan = { kind: 'every', every: DEFAULT_EVERY, maxRecords: null };

/** `available_now`, `once`, or a mapping with one of every, available_now and once. */
export const trigger: Kind<TriggerPlan> = {
  what: `available_now, once, or a mapping (${Object.keys(triggerFields).join(', ')})`,
  schema: { anyOf: [{ enum: WORDS }, { ...objectSchema(triggerFields), minProperties: 1 }, { type: 'string', pattern: '\\$\\{' }] },
  placeholder: defaultTrigger,
  read: readTrigger,
};

function readTrigger(node: Node, report: Report): TriggerPlan | undefined {
  if (node.kind === 'scalar') {
    const word = WORDS.find((one) => one === node.text);
    if (word !== undefined) return { kind: word, every: 0, maxRecords: null };
    if (!node.unresolved)
      report.error(
        node,
        'bad_trigger',
        `${node.shown || 'Nothing'} is no trigger.`,
        didYouMean(node.text, WORDS) ?? 'Write { every: 1s }, available_now or once.',
      );
    return undefined;
  }
  if (node.kind === 'list') {
    report.error(headOf(node), 'wrong_type', 'A trigger is no list.', 'Write { every: 1s }, available_now or once.');
    return undefined;
  }
  const read = readFields(node, triggerFields, report, 'trigger');
  if (read === null) return undefined;
  const { at, values } = read;
  const [first, second] = (['every', ...WORDS] as const).filter((key) => at[key] !== undefined);
  if (second !== undefined) report.error(headOf(at[second] ?? node), 'bad_trigger', `${first} and ${second} exclude each other.`, 'Keep one of the two.');
  if (first === 'once' && at.max_records !== undefined)
    report.error(
      headOf(at.max_records),
      'bad_trigger',
      'once takes everything in one batch, whatever max_records says.',
      'Use available_now, or remove max_records.',
    );
  return { kind: first ?? 'every', every: values.every ?? (first === undefined ? DEFAULT_EVERY : 0), maxRecords: values.max_records ?? null };
}
