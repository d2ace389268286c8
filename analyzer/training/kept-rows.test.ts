import { expect, test } from 'vitest';
import { KeptRows } from './kept-rows.ts';
import { DAY, fraud, id, plan } from './training.case.ts';

test('labels that come before the first row are saved with the batch that brought them', () => {
  const labelled = { ...plan, label: { source: 'labels', on: [[id, id] as const], field: fraud, knownAfter: DAY } };
  const kept = new KeptRows(labelled);
  kept.labels.add({ time: 5, card: null, key: 'i1', label: true, features: new Float64Array(0) });
  const saved = new Map<string, Uint8Array>();
  kept.snapshot({ put: (key, value) => saved.set(key, value), delete: (key) => saved.delete(key) });
  const opened = new KeptRows(labelled);
  opened.restore([...saved].sort(([a], [b]) => (a < b ? -1 : 1)));
  expect(opened.labelsAt(6)).toEqual(new Map([['i1', true]]));
  expect(opened.first).toBe(Number.POSITIVE_INFINITY);
});

test('nothing is saved of nothing', () => {
  const saved: string[] = [];
  new KeptRows(plan).snapshot({ put: (key) => void saved.push(key), delete: (key) => void saved.push(key) });
  expect(saved).toEqual([]);
});
