import type { SqlType, Value } from '@millrace/shared-schemas/types.ts';
import { comparerOf } from '../operators/compare.ts';
import type { Overload, ScalarFunction } from './function.ts';

/** The first of the greatest, or least, among what is not NULL; NULL when nothing is left. NaN is the greatest. */
function extreme(name: 'greatest' | 'least', sign: 1 | -1): ScalarFunction {
  const overload: Overload = {
    fn: name,
    params: ['common'],
    rest: 'common',
    returns: ([type]) => type,
    nulls: 'own',
    make: (args: readonly SqlType[], type: SqlType) => {
      if (args.length === 1) return (value) => value;
      const compare = comparerOf(type);
      const best = (values: readonly Value[]): Value => {
        let found: Value = null;
        for (const value of values) if (value !== null && (found === null || compare(value, found) * sign > 0)) found = value;
        return found;
      };
      if (type.kind !== 'FLOAT') return (...values) => best(values);
      // DuckDB takes FLOATs through sort keys, which know one zero
      return (...values) => {
        const found = best(values);
        return found === 0 ? 0 : found;
      };
    },
  };
  return { name, overloads: [overload] };
}

export const conditionalFunctions: readonly ScalarFunction[] = [extreme('greatest', 1), extreme('least', -1)];
