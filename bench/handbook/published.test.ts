import { expect, test } from 'vitest';
import { compared } from './published.ts';

test('metrics are held against what was published, and a precision too good to be true is a leak', () => {
  const found = { auc_roc: 0.87053, average_precision: 0.60571, card_precision_at_k: 0.29143 };
  expect(compared(found).met).toBe(true);
  for (const name of Object.keys(found)) {
    for (const value of [found[name as keyof typeof found] + 0.0006, found[name as keyof typeof found] - 0.0006, null]) {
      const { met, lines } = compared({ ...found, [name]: value });
      expect(met).toBe(false);
      expect(lines.filter((line) => line.endsWith('NOT MET'))).toHaveLength(1);
    }
  }
  expect(compared({ ...found, average_precision: 0.81 }).lines.at(-1)).toContain('leaked');
});
