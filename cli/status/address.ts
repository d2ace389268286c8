import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import type { HttpProfile } from '@millrace/pipeline/profile.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

/**
 * Where the status server of a run is to listen; null: nowhere. `given` is `--status HOST:PORT` and wins over the profile's address;
 * the token is the profile's either way. Throws `MillraceError` wrong_usage.
 */
export function statusAddress(given: string | undefined, profile: HttpProfile | null): HttpProfile | null {
  const token = profile?.token || null;
  if (given === undefined) return profile && { ...profile, token };
  const [, bracketed, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(given) ?? [];
  const host = bracketed ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6))
    throw new MillraceError('wrong_usage', `--status ${given} is no HOST:PORT.`, { hint: 'Write 127.0.0.1:8088, or 127.0.0.1:0 for any port that is free.' });
  return { host, port, token };
}

/**
 * The IP address to bind to: a name becomes the address it stands for. Throws `MillraceError` address_unusable when it stands for none, and
 * address_exposed when others could reach it without a token.
 */
export async function boundAddress({ host, token }: HttpProfile): Promise<string> {
  const found = await lookup(host, { order: 'ipv4first' }).catch((cause: unknown) => {
    throw new MillraceError('address_unusable', `The name ${host} stands for no address of this machine.`, { cause });
  });
  const family = found.family === 6 ? 'ipv6' : 'ipv4';
  if (token === null && !loopback.check(found.address, family))
    throw new MillraceError('address_exposed', `Without a token the status server listens to this machine only, and ${host} can be reached from others.`);
  return found.address;
}
