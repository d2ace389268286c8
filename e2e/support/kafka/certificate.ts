import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface Certificate {
  /** a PKCS12 file with the key */
  readonly store: string;
  readonly password: string;
  /** the certificate alone, as PEM: its own authority */
  readonly pem: string;
}

/** A certificate for `san` (such as `ip:127.0.0.1`), made with Java's keytool in `directory`. */
export function certificate(directory: string, name: string, san: string): Certificate {
  const store = join(directory, `${name}.p12`);
  const password = 'only-for-tests';
  const keytool = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('keytool', [...args, '-alias', name, '-keystore', store, '-storetype', 'PKCS12', '-storepass', password], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`keytool failed: ${stderr}${stdout}`);
    return stdout;
  };
  keytool('-genkeypair', '-keyalg', 'EC', '-dname', `CN=${name}`, '-ext', `san=${san}`, '-validity', '30');
  return { store, password, pem: keytool('-exportcert', '-rfc') };
}
