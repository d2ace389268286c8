import { hash } from 'node:crypto';
import type { ScalarFunction } from './function.ts';
import { scalar, typed } from './value.ts';

function digest(name: 'md5' | 'sha256'): ScalarFunction {
  return {
    name,
    overloads: [
      { fn: name, params: ['VARCHAR'], returns: scalar('VARCHAR'), nulls: 'propagate', make: () => typed((text: string) => hash(name, text, 'hex')) },
    ],
  };
}

/** Digests of a text's UTF-8, in lower case hexadecimal. */
export const hashFunctions: readonly ScalarFunction[] = [digest('md5'), digest('sha256')];
