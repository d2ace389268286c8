import { createHmac } from 'node:crypto';
import { FlawError } from '@millrace/shared-schemas/types.ts';
import type { ScalarFunction } from './function.ts';
import { codePoints, rightOf } from './substring.ts';
import { type Exact, scalar, typed } from './value.ts';

/** millrace's own functions, for what must not reach a log in the clear. DuckDB has neither. */

/** Every code point but the last `keep` becomes `*`; none is kept when `keep` is negative. */
function mask(text: string, keep: Exact): string {
  const hidden = codePoints(text) - Math.max(Number(keep), 0);
  return hidden <= 0 ? text : '*'.repeat(hidden) + rightOf(text, -hidden);
}

/**
 * `secret` gives the profile's secret for `hmac`; it is asked when an expression is compiled, so that a checker, which only types, needs none.
 * `hmac(text)` is the HMAC-SHA-256 of the text's UTF-8 in lower case hexadecimal. Without a secret each call fails with `expression_failed`.
 */
export function privacyFunctions(secret: () => string | null): readonly ScalarFunction[] {
  return [
    { name: 'mask', overloads: [{ fn: 'mask', params: ['VARCHAR', 'BIGINT'], returns: scalar('VARCHAR'), nulls: 'propagate', make: () => typed(mask) }] },
    {
      name: 'hmac',
      overloads: [
        {
          fn: 'hmac',
          params: ['VARCHAR'],
          returns: scalar('VARCHAR'),
          nulls: 'propagate',
          make: () => {
            const key = secret();
            return typed((text: string) => {
              if (key === null || key === '') throw new FlawError('expression_failed', 'hmac needs a secret: set secrets.hmac in the profile');
              return createHmac('sha256', key).update(text).digest('hex');
            });
          },
        },
      ],
    },
  ];
}
