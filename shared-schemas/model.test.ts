import fc from 'fast-check';
import { expect, test } from 'vitest';
import { featureFingerprint, linearScore, type Model, modelHash, modelText, parseModel } from './model.ts';

const columns = [
  { name: 'amount', type: { kind: 'DOUBLE' } },
  { name: 'n', type: { kind: 'BIGINT' } },
] as const;

const model: Model = {
  format: 1,
  type: 'logistic_regression',
  name: 'fraud',
  features: ['amount', 'n'],
  schema: featureFingerprint(columns),
  intercept: -7.1000000000000005,
  coefficients: [0.1 + 0.2, 5e-324],
  scaler: { mean: [1, 2], std: [3, 0] },
  threshold: null,
  training: {
    from: 0,
    to: 10,
    rows: 5,
    positives: 2,
    l2: 1,
    l1: 0,
    class_weight: 'none',
    standardize: true,
    iterations: 7,
    converged: true,
    engine: 'float64',
  },
  metrics: null,
  parent: null,
  boundary: 1000,
};
const metrics = {
  from: 0,
  to: 9,
  rows: 3,
  positives: 1,
  auc_roc: 0.5,
  average_precision: null,
  card_precision_at_k: null,
  k: 100,
  log_loss: 0.1,
  brier: 0.2,
};

test('what was written is read, to the last bit', () => {
  expect(parseModel(modelText(model))).toEqual(model);
  expect(parseModel(modelText({ ...model, metrics }))).toEqual({ ...model, metrics });
});

test('the hash does not depend on the order of keys or on metrics, and does on all else', () => {
  const hash = modelHash(model);
  expect(modelHash(Object.fromEntries(Object.entries(model).reverse()) as unknown as Model)).toBe(hash);
  expect(modelHash({ ...model, metrics })).toBe(hash);
  const others: Partial<Model>[] = [
    { name: 'other' },
    { features: ['n', 'amount'] },
    { schema: 'x' },
    { intercept: -7.1 },
    { coefficients: [0.3, 5e-324] },
    { scaler: null },
    { threshold: 0.5 },
    { training: { ...model.training, rows: 6 } },
    { parent: hash },
    { boundary: 1001 },
  ];
  const hashes = others.map((change) => modelHash({ ...model, ...change }));
  expect(new Set([hash, ...hashes]).size).toBe(others.length + 1);
});

test('the hash is the one of the committed format', () => {
  expect(modelHash(model)).toMatchInlineSnapshot(`"3aac9c2fa3c6893d037a6e9ecc8cf94c8367854da0e452691cba93780d24b939"`);
});

test('a fingerprint sees names, types and their order', () => {
  const prints = [columns, columns.toReversed(), [columns[0], { name: 'n', type: { kind: 'DOUBLE' as const } }], [columns[0]]].map(featureFingerprint);
  expect(new Set(prints).size).toBe(4);
});

test.each([
  ['no JSON', '{', /no JSON/],
  ['no object', '[]', /no JSON object/],
  ['a later format', modelText(model).replace('"format":1', '"format":2'), /format 2/],
  ['a changed coefficient', modelText(model).replace('0.30000000000000004', '0.3'), /was changed/],
  ['a changed training fact', modelText(model).replace('"rows":5', '"rows":50'), /was changed/],
  ['no hash', JSON.stringify(model), /was changed/],
  ['a coefficient too few', JSON.stringify({ ...model, coefficients: [1] }), /coefficients/],
  ['a coefficient that is no number', JSON.stringify({ ...model, coefficients: [1, Number.NaN] }), /coefficients/],
  ['no training facts', JSON.stringify({ ...model, training: undefined }), /training/],
  ['broken metrics', JSON.stringify({ ...model, metrics: { auc_roc: 'x' } }), /metrics/],
])('refused: %s', (_, json, message) => {
  expect(() => parseModel(json)).toThrow(expect.objectContaining({ code: 'model_invalid', message: expect.stringMatching(message) }));
});

test('the score is the logistic of the log-odds, finite and in [0, 1] however large they are', () => {
  const score = (z: number): number => linearScore({ intercept: z, coefficients: [] }, new Float64Array(0));
  expect(score(0)).toBe(0.5);
  expect(score(-1e308)).toBe(0);
  expect(score(1e308)).toBe(1);
  fc.assert(
    fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (z) => {
      expect(score(z)).toBeCloseTo(1 / (1 + Math.exp(-z)), 14);
      expect(score(z) + score(-z)).toBeCloseTo(1, 14);
    }),
  );
  expect(score(-700)).toBeGreaterThan(0);
});

test('features count in order; one that is no number shows', () => {
  const line = { intercept: 1, coefficients: [2, -3] };
  expect(linearScore(line, Float64Array.of(4, 3))).toBe(0.5);
  expect(linearScore(line, Float64Array.of(Number.NaN, 3))).toBeNaN();
});
