import type { Profile, RedisProfile } from '@millrace/pipeline/profile.ts';
import type { Report } from '@millrace/pipeline/report.ts';
import type { Read } from '@millrace/pipeline/spec/field.ts';
import { headOf } from '@millrace/pipeline/yaml/node.ts';
import { isLoopback } from './address.ts';
import type { redisFields } from './fields.ts';
import { tlsOf } from './kafka.ts';
import type { ProfileFiles } from './secret.ts';

/** What a profile says of Redis. TLS is asked for by `rediss://`, by `tls`, or by both. */
export function redisOf(
  { values, at, node }: Read<typeof redisFields>,
  transport: Profile['transport']['type'],
  files: ProfileFiles,
  report: Report,
): RedisProfile {
  const { host, port, db, encrypted } = values.url;
  if (transport === 'memory')
    report.error(headOf(node), 'unused_key', 'redis has no effect with the transport memory: no other process sees its records.', 'Remove it.');
  if (at.username !== undefined && at.password === undefined)
    report.error(headOf(node), 'missing_key', 'redis has username and no password.', 'Add password, or leave both out.');
  if (encrypted && values.tls === false)
    report.error(headOf(at.tls ?? node), 'unused_key', 'The URL asks for TLS, and tls is false.', 'Write redis://, or leave tls out.');
  const asked = tlsOf(values.tls, files, report);
  const tls = asked ?? (encrypted ? { ca: null, cert: null, key: null } : null);
  const password = values.password === undefined ? null : files.secret(values.password);
  if (at.password !== undefined && tls === null && !isLoopback(host))
    report.warning(
      headOf(at.password),
      'cleartext_password',
      'The password travels in clear: redis without TLS.',
      'Use rediss://, unless nobody else is on that network.',
    );
  return { host, port, db, username: values.username?.text ?? null, password, tls };
}
