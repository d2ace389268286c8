import { operatorFunctions } from '../operators/arithmetic.ts';
import { conditionalFunctions, conditionalFunctions } from './conditional.ts';
import { dateDiffFunctions, dateDiffFunctions } from './datediff.ts';
import { datePartFunctions, datePartFunctions } from './datepart.ts';
import { dateTruncFunctions, dateTruncFunctions } from './datetrunc.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { hashFunctions } from './hash.ts';
import { likeFunctions } from './like.ts';
import { mathFunctions } from './math.ts';
import { privacyFunctions } from './privacy.ts';
import { roundingFunctions } from './rounding.ts';
import { strftimeFunctions, strftimeFunctions } from './strftime.ts';
import { textFunctions } from './text.ts';
import { timeFunctions, timeFunctions } from './time.ts';
import { trigFunctions } from './trig.ts';

const all: readonly ScalarFunction[] = [
  ...operatorFunctions,
  ...conditionalFunctions,
  ...mathFunctions,
  ...roundingFunctions,
  ...trigFunctions,
  ...textFunctions,
  ...likeFunctions,
  ...datePartFunctions,
  ...dateTruncFunctions,
  ...dateDiffFunctions,
  ...timeFunctions,
  ...strftimeFunctions,
  ...datePartFunctions,
  ...dateDiffFunctions,
  ...dateTruncFunctions,
  ...strftimeFunctions,
  ...timeFunctions,
  ...conditionalFunctions,
  ...hashFunctions,
  // without a secret: enough for a checker. A task's own are made where it compiles
  ...privacyFunctions(() => null),
];

/** Every scalar function and arithmetic operator of the language, by the name DuckDB's tree has for it. */
export const scalarFunctions: ReadonlyMap<string, ScalarFunction> = new Map(all.map((entry) => [entry.name, entry]));

function byName(functions: readonly ScalarFunction[]): ReadonlyMap<string, Overload> {
  return new Map(functions.flatMap((entry) => entry.overloads.map((overload) => [overload.fn, overload])));
}

const overloads = byName(all);

/** The overload that a checked tree names; `secret` is the profile's for `hmac`. */
export function overloadOf(fn: string, secret: string | null): Overload {
  const overload = byName(privacyFunctions(() => secret)).get(fn) ?? overloads.get(fn);
  if (overload === undefined) throw new Error(`no such function: ${fn}`);
  return overload;
}
