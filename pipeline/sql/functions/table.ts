import { operatorFunctions } from '../operators/arithmetic.ts';
import type { Overload, ScalarFunction } from './function.ts';
import { mathFunctions } from './math.ts';

const all: readonly ScalarFunction[] = [...operatorFunctions({}), ...mathFunctions];

/** Every scalar function and arithmetic operator of the language, by the name DuckDB's tree has for it. */
export const scalarFunctions: ReadonlyMap<string, ScalarFunction> = new Map(all.map((entry) => [entry.name, entry]));

/** Every overload by its own name, which a checked tree holds. */
export const overloads: ReadonlyMap<string, Overload> = new Map(all.flatMap((entry) => entry.overloads.map((overload) => [overload.fn, overload])));
