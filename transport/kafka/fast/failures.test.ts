import { MillraceError } from '@millrace/runtime/errors.ts';
import { expect, test } from 'vitest';
import { refusal, Transient } from './codes.ts';
import { wireFailure } from './failures.ts';
import { persist } from './patience.ts';

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

test.each([
  [new Error('Connection error', { cause: coded('connect ECONNREFUSED 127.0.0.1:9', 'ECONNREFUSED') }), 'broker_unreachable'],
  [new Error('Connection error', { cause: coded('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT') }), 'tls_failed'],
  [new Error('x', { cause: coded("Hostname/IP does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID') }), 'tls_failed'],
  [new Error('Broker requires TLS.'), 'tls_failed'],
  [new Error('SASL authentication failed.', { cause: new Error('Invalid username or password') }), 'authentication_failed'],
  [new Error('SASL authentication failed.', { cause: new Error('Connection closed') }), 'broker_unreachable'],
  [new Error('Cannot find a suitable SASL mechanism.'), 'authentication_failed'],
  [new AggregateError([coded('no', 'ECONNREFUSED')], 'Cannot connect'), 'broker_unreachable'],
])('what a connection fails with: %s → %s', (error, code) => {
  expect(wireFailure(error, 'a:1')).toMatchObject({ code });
});

test.each([
  [6, true],
  [51, false],
])('code %i is tried again (after asking who leads: %s)', (code, moved) => {
  expect(refusal(code, 'x')).toMatchObject({ moved });
});

test.each([
  [10, 'message_too_large'],
  [29, 'not_authorized'],
  [47, 'fenced'],
  [90, 'fenced'],
  [42, 'broker_refused'],
  [9999, 'broker_refused'],
])('code %i ends as %s', (code, ends) => {
  const error = refusal(code, 'topic x', 'as said');
  expect(error).toBeInstanceOf(MillraceError);
  expect(error).toMatchObject({ code: ends });
  expect(error.message).toContain('topic x');
});

test('persist: until it succeeds, fails for good, or the time is over', async () => {
  const failed: number[] = [];
  const third = async (before: number) => {
    failed.push(before);
    if (before < 2) throw new Transient('not yet', false);
    return 'done';
  };
  expect(await persist(5_000, third)).toBe('done');
  expect(failed).toEqual([0, 1, 2]);
  const final = new MillraceError('fenced', 'x');
  await expect(persist(5_000, () => Promise.reject(final))).rejects.toBe(final);
  await expect(persist(40, () => Promise.reject(new Transient('away', true)))).rejects.toMatchObject({
    code: 'broker_unreachable',
    message: expect.stringContaining('away'),
  });
});
