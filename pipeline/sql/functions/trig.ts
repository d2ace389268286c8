import type { ScalarFunction } from './function.ts';
import { failed, scalar, typed } from './value.ts';

function trig(name: string, params: readonly 'DOUBLE'[], body: (a: number, b: number) => number): ScalarFunction {
  return { name, overloads: [{ fn: name, params, returns: scalar('DOUBLE'), nulls: 'propagate', make: () => typed(body) }] };
}

/** Raises for an infinity, as DuckDB does; NaN gives NaN. */
function finite(body: (value: number) => number): (value: number) => number {
  return (value) => {
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
      throw failed(`input value ${value > 0 ? 'inf' : '-inf'} is out of range for numeric function`);
    }
    return body(value);
  };
}

function withinOne(name: string, body: (value: number) => number): (value: number) => number {
  return finite((value) => {
    if (value < -1 || value > 1) throw failed(`${name} is undefined outside [-1,1]`);
    return body(value);
  });
}

/**
 * Angles are in radians. sin to atan2 are the platform's: within two units in the last place of DuckDB's, which themselves vary
 * with the C library it runs on.
 */
export const trigFunctions: readonly ScalarFunction[] = [
  trig('sin', ['DOUBLE'], finite(Math.sin)),
  trig('cos', ['DOUBLE'], finite(Math.cos)),
  trig('tan', ['DOUBLE'], finite(Math.tan)),
  trig('asin', ['DOUBLE'], withinOne('ASIN', Math.asin)),
  trig('acos', ['DOUBLE'], withinOne('ACOS', Math.acos)),
  trig('atan', ['DOUBLE'], Math.atan),
  trig('atan2', ['DOUBLE', 'DOUBLE'], Math.atan2),
  trig('radians', ['DOUBLE'], (value) => value * (Math.PI / 180)),
  trig('degrees', ['DOUBLE'], (value) => value * (180 / Math.PI)),
];
