import type { Kind } from '@millrace/pipeline/spec/field.ts';
import { text } from '@millrace/pipeline/spec/kinds.ts';
import type { ScalarNode } from '@millrace/pipeline/yaml/node.ts';

/** A host and a port; an IPv6 host without its brackets. */
interface Address {
  readonly host: string;
  readonly port: number;
  readonly node: ScalarNode;
}

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/;

/** `host:port` or `[::1]:port`. */
export function address(what: string, example: string, leastPort: number): Kind<Address> {
  const kind = text(what);
  return {
    what: kind.what,
    schema: kind.schema,
    read(node, report) {
      const found = kind.read(node, report);
      if (found === undefined) return undefined;
      const match = ADDRESS.exec(found.text);
      const port = Number(match?.[3]);
      if (match !== null && port >= leastPort && port <= 65_535) return { host: match[1] ?? match[2], port, node: found };
      report.error(found, 'bad_address', `${JSON.stringify(found.shown)} is no host:port.`, hintFor(found.text, example));
      return undefined;
    },
  };
}

function hintFor(written: string, example: string): string {
  if (written.includes('://')) return `Leave out what stands before the host: ${example}.`;
  if (written.includes(',')) return 'Write a list, an item each.';
  if (written.startsWith(':')) return `Name the host too: ${example}.`;
  if (/^[A-Za-z0-9._-]+$/.test(written)) return `Add the port, as in ${example}.`;
  return `Write ${example}.`;
}

/** whether only this machine can be there */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** The root of an HTTP service. It holds no password: URLs are shown and logged. */
export const serviceUrl: Kind<{ readonly url: URL; readonly node: ScalarNode }> = {
  what: 'a URL such as http://localhost:8081',
  schema: { type: 'string', pattern: '^https?://' },
  read(node, report) {
    const found = text('a URL such as http://localhost:8081').read(node, report);
    if (found === undefined) return undefined;
    const url = URL.canParse(found.text) ? new URL(found.text) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) report.error(found, 'bad_url', 'This is no URL that begins with http:// or https://.');
    else if (url.username !== '' || url.password !== '')
      report.error(found, 'literal_secret', 'The URL holds a user or a password.', 'Leave them out of the URL: username: and password: "${NAME}".');
    else if (url.search !== '' || url.hash !== '') report.error(found, 'bad_url', 'The URL goes on behind the path.', 'End it before the ? or #.');
    else return { url, node: found };
    return undefined;
  },
};

interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly encrypted: boolean;
  readonly node: ScalarNode;
}

const REDIS = 'a URL such as redis://localhost:6379';
const REDIS_PORT = 6379;

/** Where a Redis server is. It holds no password, as above. */
export const redisUrl: Kind<RedisAddress> = {
  what: REDIS,
  schema: { type: 'string', pattern: '^rediss?://' },
  read(node, report) {
    const found = text(REDIS).read(node, report);
    if (found === undefined) return undefined;
    const url = URL.canParse(found.text) ? new URL(found.text) : null;
    if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
      report.error(found, 'bad_url', 'This is no URL that begins with redis:// or rediss://.', `Write ${REDIS.slice(REDIS.indexOf('redis'))}.`);
    else if (url.username !== '' || url.password !== '')
      report.error(found, 'literal_secret', 'The URL holds a user or a password.', 'Leave them out of the URL: username: and password: "${NAME}".');
    else if (url.search !== '' || url.hash !== '' || !/^\/?\d{0,5}$/.test(url.pathname))
      report.error(found, 'bad_url', 'Behind the host there may be a database, as in redis://localhost:6379/0, and nothing else.', 'Leave the rest out.');
    else {
      const port = url.port === '' ? REDIS_PORT : Number(url.port);
      if (port > 0)
        return {
          host: url.hostname.replace(/^\[|\]$/g, ''),
          port,
          db: Number(url.pathname.slice(1)),
          encrypted: url.protocol === 'rediss:',
          node: found,
        };
      report.error(found, 'bad_url', 'There is no port 0.', 'Leave it out for 6379.');
    }
    return undefined;
  },
};
