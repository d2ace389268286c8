/** Native TensorFlow against the float64 engine: `npm run e2e:native`. */
import { seededRandom } from '@millrace/runtime/random.ts';
import { linearScore } from '@millrace/shared-schemas/model.ts';
import { describe, expect, inject, test } from 'vitest';
import { classifierSuite } from './classifier.case.ts';
import type { Dataset } from './dataset.ts';
import type { Engine, Problem } from './engine.ts';
import { chooseEngine, type EngineEvent } from './engines.ts';
import { type FitOptions, type Fitted, fit } from './fit.ts';
import { float64Engine } from './float64.ts';
import { tensorflowEngine } from './tensorflow.ts';

/** relative */
const COEFFICIENTS = 1e-9;
/** of probabilities */
const SCORES = 1e-6;
const PLAIN = { l2: 1, l1: 0, classWeight: 'none', standardize: true } as const;

async function native(): Promise<Engine> {
  const engine = await tensorflowEngine('native');
  if (engine === null) throw new Error('native TensorFlow does not load');
  return engine;
}

/** Rows of normal features, each with a scale and mean of its own; the label follows a third of them each way. */
function generate(rows: number, features: number, { seed = 1, base = -4, strength = 0.3 } = {}): Dataset {
  const random = seededRandom(seed);
  const columns = Array.from({ length: features }, (_, j) => Float64Array.from({ length: rows }, () => random.normal() * (1 + j) + j));
  const labels = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    let z = base;
    for (let j = 0; j < features; j++) z += ((columns[j][i] - j) / (1 + j)) * strength * ((j % 3) - 1);
    labels[i] = random.uniform() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
  }
  return { features: columns.map((_, j) => `f${j}`), rows, columns, labels, weights: null };
}

async function fitted(data: Dataset, engine: Engine, options: Partial<FitOptions> = {}): Promise<Fitted> {
  const answer = await fit(data, { ...PLAIN, ...options, engine });
  if (!answer.ok) throw new Error(answer.message);
  expect(answer).toMatchObject({ converged: true, engine: engine.name });
  return answer;
}

/** Largest difference of a coefficient or the intercept, relative to itself. */
function apart(one: Fitted, other: Fitted): number {
  const [found, wanted] = [one, other].map(({ intercept, coefficients }) => [intercept, ...coefficients]);
  return Math.max(...found.map((value, j) => (value === wanted[j] ? 0 : Math.abs(value / wanted[j] - 1))));
}

/** Largest difference of a row's score. */
function scoresApart(data: Dataset, one: Fitted, other: Fitted): number {
  const row = new Float64Array(data.columns.length);
  let most = 0;
  for (let i = 0; i < data.rows; i++) {
    for (let j = 0; j < row.length; j++) row[j] = data.columns[j][i];
    most = Math.max(most, Math.abs(linearScore(one, row) - linearScore(other, row)));
  }
  return most;
}

const lack = inject('tensorflowLack');

describe.skipIf(lack !== null)(`native TensorFlow${lack === null ? '' : ` (${lack})`}`, () => {
  classifierSuite('as every engine', native);

  describe('equal to float64', () => {
    async function compare(data: Dataset, options: Partial<FitOptions> = {}, limit = COEFFICIENTS): Promise<{ one: Fitted; other: Fitted }> {
      const [one, other] = [await fitted(data, await native(), options), await fitted(data, float64Engine, options)];
      const [coefficients, scores] = [apart(one, other), scoresApart(data, one, other)];
      process.stdout.write(`  ${data.rows} × ${data.columns.length}: coefficients ${coefficients.toExponential(1)} apart, scores ${scores.toExponential(1)}\n`);
      expect(coefficients).toBeLessThan(limit);
      expect(scores).toBeLessThan(SCORES);
      return { one, other };
    }

    test('a million rows of 15 features, and the same again to the last bit', async () => {
      const data = generate(1_000_000, 15);
      const { one, other } = await compare(data);
      // the draft in single precision was near enough to leave float64 a pass or two
      expect(one.iterations).toBeLessThanOrEqual(other.iterations + 2);
      expect(await fitted(data, await native())).toEqual(one);
    });

    const small = generate(20_000, 8, { seed: 2 });
    const half = small.columns[0].map((x) => (x > 0 ? 1 : 0));
    const weights = Float64Array.from(small.labels, (_, i) => 0.1 + (i % 17));
    const separable: Dataset = { ...small, labels: Uint8Array.from(half) };
    const cases: readonly { readonly name: string; readonly data: Dataset; readonly options?: Partial<FitOptions>; readonly limit?: number }[] = [
      { name: 'no penalty', data: small, options: { l2: 0 } },
      { name: 'positives in one row of 5,000', data: generate(200_000, 8, { seed: 3, base: -9 }) },
      { name: 'the same, balanced', data: generate(200_000, 8, { seed: 3, base: -9 }), options: { classWeight: 'balanced' } },
      { name: 'weighted rows, balanced', data: { ...small, weights }, options: { classWeight: 'balanced' } },
      { name: 'separable, held by a weak penalty', data: separable, options: { l2: 1e-4 } },
      { name: 'a mean a million spreads away', data: { ...small, columns: [small.columns[0].map((x) => x + 1e6), ...small.columns.slice(1)] } },
      {
        name: 'two columns that differ in the sixth digit',
        data: { ...small, columns: [small.columns[0], small.columns[0].map((x, i) => x * (1 + (i % 7) * 1e-6))] },
      },
      { name: 'a penalty on raw coefficients', data: small, options: { standardize: false, l2: 100 } },
      // each engine stops at a gradient of 1e-8, somewhere near the minimum: a coefficient near 0 tells most
      { name: 'more features than a Hessian pays for', data: generate(3_000, 220, { seed: 4, base: -1, strength: 0.1 }), options: { l2: 5 }, limit: 1e-6 },
    ];
    test.each(cases)('$name', async ({ data, options, limit }) => {
      await compare(data, options, limit);
    });

    test('a constant feature gets exactly 0', async () => {
      const columns = [...small.columns.slice(1), new Float64Array(small.rows).fill(0.1)];
      const { one } = await compare({ ...small, columns });
      expect(one.coefficients.at(-1)).toBe(0);
    });

    test('a lasso leaves out the same features', async () => {
      const { one, other } = await compare(small, { l2: 0, l1: 60 });
      const left = (model: Fitted): boolean[] => model.coefficients.map((value) => value === 0);
      expect(left(one)).toEqual(left(other));
      expect(new Set(left(one)).size).toBe(2);
    });

    test('data without an answer are refused in the same words', async () => {
      const collinear = { ...small, columns: [small.columns[0], small.columns[1], small.columns[0]] };
      for (const [data, reason] of [
        [separable, 'separable'],
        [collinear, 'collinear'],
        [{ ...small, labels: new Uint8Array(small.rows) }, 'one_class'],
      ] as const) {
        const answer = await fit(data, { ...PLAIN, l2: 0, engine: await native() });
        expect(answer).toMatchObject({ ok: false, reason });
        expect(answer).toEqual(await fit(data, { ...PLAIN, l2: 0, engine: float64Engine }));
      }
    });
  });

  describe('its passes', () => {
    const data = generate(100_000, 6, { seed: 5, base: -2 });
    const ones = (count: number): Float64Array => new Float64Array(count).fill(1);
    const problem: Problem = { ...data, classWeights: [1, 3], mean: Float64Array.from(data.columns, (_, j) => j), std: ones(6), l2: ones(6), l1: ones(6) };
    const at = (engine: Engine) => async (b: Float64Array) => {
      const [gradient, hessian] = [new Float64Array(7), new Float64Array(49)];
      const passes = await engine.open(problem);
      try {
        return { loss: passes.evaluate(b, gradient, hessian), gradient, hessian };
      } finally {
        passes.close();
      }
    };

    test.each([0, 0.3, 20])('are those of float64 in single precision, at log-odds of some %d', async (size) => {
      const b = Float64Array.from({ length: 7 }, (_, j) => size * ((j % 3) - 1));
      const [one, other] = [await at(await native())(b), await at(float64Engine)(b)];
      expect(Math.abs(one.loss - other.loss) / other.loss).toBeLessThan(1e-5);
      for (const of of ['gradient', 'hessian'] as const)
        expect(Math.max(...one[of].map((value, j) => Math.abs(value - other[of][j]))) / Math.max(...other[of].map(Math.abs))).toBeLessThan(1e-5);
    });
  });

  describe('is chosen', () => {
    test('by itself where there is enough to do, and says so', async () => {
      const { name } = await native();
      const events: EngineEvent[] = [];
      expect((await chooseEngine('auto', 2_999_999, (event) => events.push(event))).name).toBe('float64');
      expect(events).toEqual([]);
      expect((await chooseEngine('auto', 3_000_000, (event) => events.push(event))).name).toBe(name);
      expect((await chooseEngine('tensorflow', 1)).name).toBe(name);
      expect(name).toMatch(/^tensorflow \(native \d/);
      expect(events).toEqual([{ level: 'info', code: 'training_engine', message: `${name} trains the models that have many rows` }]);
    });
  });
});
