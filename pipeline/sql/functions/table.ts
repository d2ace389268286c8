import { operatorFunctions } from '../operators/arithmetic.ts';
import { conditionalFunctions } from './conditional.ts';
import { dateDiffFunctions } from './datediff.ts';
import { datePartFunctions } from './datepart.ts';
import { dateTruncFunctions } from './datetrunc.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { hashFunctions } from './hash.ts';
import { likeFunctions } from './like.ts';
import { mathFunctions } from './math.ts';
import { privacyFunctions } from './privacy.ts';
import { roundingFunctions } from './rounding.ts';
import { strftimeFunctions } from './strftime.ts';
import { textFunctions } from './text.ts';
import { timeFunctions } from './time.ts';
import { trigFunctions } from './trig.ts';

const all: readonly ScalarFunction[] = [
  ...mathFunctions,
  // behind them: `mod` is `%`
  ...operatorFunctions,
  ...roundingFunctions,
  ...trigFunctions,
  ...conditionalFunctions,
  ...textFunctions,
  ...likeFunctions,
  ...timeFunctions,
  ...datePartFunctions,
  ...dateTruncFunctions,
  ...dateDiffFunctions,
  ...strftimeFunctions,
  ...hashFunctions,
  // without a secret: enough for a checker. A task's own are made where it compiles
  ...privacyFunctions(() => null),
];

/** Every scalar function and arithmetic operator of the language, by the name DuckDB's tree has for it. */
export const scalarFunctions: ReadonlyMap<string, ScalarFunction> = new Map(all.map((entry) => [entry.name, entry]));

function byName(functions: Iterable<ScalarFunction>): ReadonlyMap<string, Overload> {
  return new Map([...functions].flatMap((entry) => entry.overloads.map((overload) => [overload.fn, overload])));
}

const overloads = byName(scalarFunctions.values());

/** The overload that a checked tree names; `secret` is the profile's for `hmac`. */
export function overloadOf(fn: string, secret: string | null): Overload {
  const overload = byName(privacyFunctions(() => secret)).get(fn) ?? overloads.get(fn);
  if (overload === undefined) throw new Error(`no such function: ${fn}`);
  return overload;
}
