import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';

/** A certificate that signs itself, and its key: both PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

interface Wanted {
  /** names and IPv4 addresses it is good for */
  readonly hosts: readonly string[];
  /** epoch ms */
  readonly from?: number;
  readonly until?: number;
}

/** Makes a certificate for tests of TLS, so that no key has to lie in the repository. */
export function testCertificate({ hosts, from = Date.UTC(2020, 0, 1), until = Date.UTC(2049, 0, 1) }: Wanted): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaSha256 = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
  const name = sequence(tagged(0x31, sequence(oid([0x55, 0x04, 0x03]), tagged(0x0c, Buffer.from(hosts[0])))));
  const subjectKey = publicKey.export({ format: 'der', type: 'spki' });
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serialOf(subjectKey)),
    ecdsaSha256,
    name,
    sequence(time(from), time(until)),
    name,
    subjectKey,
    tagged(
      0xa3,
      sequence(extension([0x55, 0x1d, 0x11], sequence(...hosts.map(alternative))), extension([0x55, 0x1d, 0x13], sequence(tagged(0x01, Buffer.from([0xff]))))),
    ),
  );
  const signature = sign('sha256', body, privateKey);
  const der = sequence(body, ecdsaSha256, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return { cert: new X509Certificate(der).toString(), key: pemOf(privateKey) };
}

/** Positive, and without a leading zero: DER knows only the shortest form of an integer, and who reads it refuses any other. */
function serialOf(subjectKey: Buffer): Buffer {
  const serial = createHash('sha256').update(subjectKey).digest().subarray(0, 8);
  serial[0] = (serial[0] & 0x7f) | 0x40;
  return serial;
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function tagged(tag: number, ...content: readonly Buffer[]): Buffer {
  const all = Buffer.concat(content);
  const { length } = all;
  const head = length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), all]);
}

const sequence = (...content: readonly Buffer[]): Buffer => tagged(0x30, ...content);
const oid = (bytes: readonly number[]): Buffer => tagged(0x06, Buffer.from(bytes));
const integer = (bytes: Buffer): Buffer => tagged(0x02, Buffer.from([0]).subarray(0, bytes[0] & 0x80 ? 1 : 0), bytes);
const extension = (id: readonly number[], value: Buffer): Buffer => sequence(oid(id), tagged(0x04, value));

function alternative(host: string): Buffer {
  return /^[\d.]+$/.test(host) ? tagged(0x87, Buffer.from(host.split('.').map(Number))) : tagged(0x82, Buffer.from(host));
}

/** UTCTime: good from 1950 to 2049 */
function time(at: number): Buffer {
  return tagged(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}
