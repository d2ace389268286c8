import { describe, expect, test } from 'vitest';
import type { Dataset } from './dataset.ts';
import type { Engine } from './engine.ts';
import { type FitOptions, type Fitted, fit, type Unfitted } from './fit.ts';
import { datasetOf, fitCases } from './vectors.ts';

const base = { seed: 99, rows: 300, scales: [1, 2, 3], shifts: [0, 1, 2], base: -0.5, weighted: false };

/** What every engine must answer. `engine` is called once, when the suite runs. */
export function classifierSuite(name: string, open: () => Promise<Engine>): void {
  describe(name, () => {
    const plain = { l2: 1, l1: 0, classWeight: 'none', standardize: true } as const;
    const fitted = async (data: Dataset, options: Partial<FitOptions> = {}): Promise<Fitted> => {
      const answer = await fit(data, { ...plain, engine: await open(), ...options });
      if (!answer.ok) throw new Error(answer.message);
      return answer;
    };
    const refused = async (data: Dataset, options: Partial<FitOptions> = {}): Promise<Unfitted> => {
      const answer = await fit(data, { ...plain, engine: await open(), ...options });
      if (answer.ok) throw new Error(`fitted: ${JSON.stringify(answer)}`);
      return answer;
    };

    test.each(fitCases)("scikit-learn's coefficients: $name", async (it) => {
      const found = await fitted(datasetOf(it), { l2: it.l2, l1: it.l1, classWeight: it.class_weight, standardize: it.standardize });
      expect(found.converged).toBe(true);
      expect(found.positives).toBe(it.positives);
      // per standard deviation: what a coefficient does to a row, whatever the feature's unit; where a mean is a million
      // spreads away the data itself has ten digits fewer
      found.coefficients.forEach((value, j) => {
        expect(Math.abs(value - it.coefficients[j]) * found.scaler.std[j]).toBeLessThan(1e-6);
        if (it.coefficients[j] === 0) expect(value).toBe(0);
      });
      expect(Math.abs(found.intercept - it.intercept) / Math.max(1, Math.abs(it.intercept))).toBeLessThan(1e-6);
    });

    test('rows that hold no number are left out and counted', async () => {
      const whole = datasetOf(base);
      const holed = datasetOf({ ...base, rows: base.rows + 3 });
      holed.columns[0][300] = Number.NaN;
      holed.columns[1][301] = Number.POSITIVE_INFINITY;
      holed.columns[2][302] = Number.NEGATIVE_INFINITY;
      const found = await fitted(holed);
      expect(found).toMatchObject({ rows: 300, leftOut: 3 });
      expect(found).toEqual({ ...(await fitted(whole)), leftOut: 3 });
    });

    test('a constant column gets 0 and changes nothing else', async () => {
      const data = datasetOf(base);
      const more = { ...data, features: [...data.features, 'always'], columns: [...data.columns, new Float64Array(data.rows).fill(0.1)] };
      const with0 = await fitted(more, { l2: 0 });
      const without = await fitted(data, { l2: 0 });
      expect(with0.coefficients).toEqual([...without.coefficients, 0]);
      expect(with0.intercept).toBe(without.intercept);
      expect(with0.scaler.std[3]).toBe(0);
    });

    test('only constant columns: the base rate', async () => {
      const data = { ...datasetOf(base), features: ['always'], columns: [new Float64Array(base.rows).fill(7)] };
      const found = await fitted(data);
      expect(found.coefficients).toEqual([0]);
      expect(1 / (1 + Math.exp(-found.intercept))).toBeCloseTo(found.positives / found.rows, 12);
    });

    test('one class, few rows and no rows have no model, and say why', async () => {
      const data = datasetOf(base);
      expect(await refused({ ...data, labels: new Uint8Array(data.rows) })).toMatchObject({ reason: 'one_class', message: 'all 300 rows are negative' });
      expect(await refused({ ...data, labels: new Uint8Array(data.rows).fill(1) })).toMatchObject({ reason: 'one_class' });
      expect(await refused({ ...data, labels: new Uint8Array(data.rows).fill(1, 0, 1) })).toMatchObject({ reason: 'too_few_rows' });
      expect(await refused(datasetOf({ ...base, rows: 3 }))).toMatchObject({ reason: 'too_few_rows' });
      expect(await refused(datasetOf({ ...base, rows: 0 }))).toMatchObject({ reason: 'too_few_rows', rows: 0 });
    });

    const separable = (): Dataset => {
      const data = datasetOf(base);
      for (let i = 0; i < data.rows; i++) data.labels[i] = data.columns[0][i] > 0.3 ? 1 : 0;
      return data;
    };

    test('classes that the features separate: no model without a penalty, one with', async () => {
      expect(await refused(separable(), { l2: 0 })).toMatchObject({ reason: 'separable' });
      expect((await fitted(separable(), { l2: 1e-3 })).converged).toBe(true);
      expect((await fitted(separable(), { l2: 0, l1: 0.5 })).converged).toBe(true);
    });

    test('a feature that only positive rows have separates in part', async () => {
      const data = datasetOf(base);
      for (let i = 0; i < data.rows; i++) data.columns[0][i] = data.labels[i] === 1 && data.columns[0][i] > 0 ? 1 : 0;
      expect(await refused(data, { l2: 0 })).toMatchObject({ reason: 'separable' });
      expect((await fitted(data)).converged).toBe(true);
    });

    test('two equal columns share a coefficient under l2, and are refused without', async () => {
      const data = datasetOf(base);
      const twice = { ...data, columns: [data.columns[0], data.columns[1], data.columns[0]] };
      expect(await refused(twice, { l2: 0 })).toMatchObject({ reason: 'collinear' });
      const found = await fitted(twice);
      expect(found.converged).toBe(true);
      expect(found.coefficients[0]).toBeCloseTo(found.coefficients[2], 9);
      expect((await fitted(twice, { l2: 0, l1: 1 })).converged).toBe(true);
    });

    test('huge and tiny values scale with the feature; what no double can hold is refused', async () => {
      const data = datasetOf({ ...base, shifts: [0, 0, 0], scales: [1, 1, 1] });
      const one = await fitted(data);
      const scaled = { ...data, columns: [data.columns[0].map((x) => x * 1e150), data.columns[1].map((x) => x * 1e-150), data.columns[2]] };
      const found = await fitted(scaled);
      expect(found.coefficients[0] * 1e150).toBeCloseTo(one.coefficients[0], 6);
      expect(found.coefficients[1] * 1e-150).toBeCloseTo(one.coefficients[1], 6);
      const wild = { ...data, columns: [data.columns[0].map((x) => x * 1e-310), data.columns[1], data.columns[2]] };
      expect(await refused(wild)).toMatchObject({ reason: 'scale' });
    });

    test('a raw penalty holds the coefficient of a vanishing feature at 0, and no other', async () => {
      const data = datasetOf(base);
      const without = await fitted({ ...data, features: ['b', 'c'], columns: data.columns.slice(1) }, { standardize: false });
      const vanishing = { ...data, columns: [data.columns[0].map((x) => x * 1e-200), data.columns[1], data.columns[2]] };
      expect((await fitted(vanishing, { standardize: false })).coefficients).toEqual([0, ...without.coefficients]);
    });

    test('a fit can be called off', async () => {
      const reason = new Error('enough');
      await expect(fit(datasetOf(base), { ...plain, engine: await open() }, AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}
