import { isIP } from 'node:net';
import type { HttpProfile, RegistryProfile } from '@millrace/pipeline/profile.ts';
import type { Report } from '@millrace/pipeline/report.ts';
import type { Read } from '@millrace/pipeline/spec/field.ts';
import { headOf } from '@millrace/pipeline/yaml/node.ts';
import { isLoopback } from './address.ts';
import type { httpFields, registryFields } from './fields.ts';
import type { ProfileFiles } from './secret.ts';

export function registryOf({ values, at, node }: Read<typeof registryFields>, files: ProfileFiles, report: Report): RegistryProfile {
  const { url } = values.url;
  if ((at.username === undefined) !== (at.password === undefined)) {
    const [has, lacks] = at.username === undefined ? ['password', 'username'] : ['username', 'password'];
    report.error(headOf(node), 'missing_key', `registry has ${has} and no ${lacks}.`, `Add ${lacks}, or leave both out.`);
  }
  if (at.ca !== undefined && url.protocol === 'http:')
    report.error(headOf(at.ca), 'unused_key', 'ca has no effect with a URL of http.', 'Use https://, or remove it.');
  const password = values.password === undefined ? null : files.secret(values.password);
  if (at.password !== undefined && url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    report.warning(
      headOf(at.password),
      'cleartext_password',
      'The password travels in clear: the URL is one of http.',
      'Use https://, unless nobody else is on that network.',
    );
  return {
    url: url.href.replace(/\/+$/, ''),
    username: values.username?.text ?? null,
    password,
    ca: values.ca === undefined ? null : files.certificates(values.ca),
  };
}

export function httpOf({ values }: Read<typeof httpFields>, files: ProfileFiles, report: Report): HttpProfile {
  const { host, port, node } = values.listen;
  const token = values.token === undefined ? null : files.optionalSecret(values.token);
  // what a name stands for is seen when the server starts
  if (isIP(host) !== 0 && !isLoopback(host) && (values.token === undefined || values.token.text === ''))
    report.error(node, 'open_address', 'Other machines can reach this address, and there is no token.');
  return { host, port, token };
}
