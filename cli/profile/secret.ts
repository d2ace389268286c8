import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Report } from '@millrace/pipeline/report.ts';
import type { ScalarNode } from '@millrace/pipeline/yaml/node.ts';

/** The files that a profile names, relative to it. What is in them is never shown. */
export class ProfileFiles {
  readonly #dir: string;
  readonly #report: Report;

  constructor(dir: string, report: Report) {
    this.#dir = dir;
    this.#report = report;
  }

  /** The secret itself, from a variable or a file (`file:PATH`, without its last line break); null when it is refused. */
  secret(node: ScalarNode): string | null {
    const found = node.text.startsWith('file:') ? this.#text(node, node.text.slice('file:'.length))?.replace(/\r?\n$/, '') : this.#variable(node);
    if (found !== '') return found ?? null;
    this.#report.error(node, 'empty_secret', 'The secret is empty.');
    return null;
  }

  /** As `secret`, but one that is empty counts as none: `"${NAME:-}"`. */
  optionalSecret(node: ScalarNode): string | null {
    return node.text === '' ? null : this.secret(node);
  }

  #variable(node: ScalarNode): string | null {
    // a default is as good as the secret itself; `$${` is no variable
    const said = /\$\{[A-Za-z_][A-Za-z0-9_]*:-[^}]+\}/.test(node.shown);
    if (!said && /(?<!\$)\$\{/.test(node.shown)) return node.text;
    this.#report.error(node, 'literal_secret', 'The secret itself stands in the file.', 'Write "${NAME}" or file:PATH.');
    return null;
  }

  /** The PEM text of one or more certificates. */
  certificates(node: ScalarNode): string | null {
    const pem = this.#text(node, node.text);
    if (pem === null) return null;
    try {
      new X509Certificate(pem);
      return pem;
    } catch {
      this.#report.error(node, 'bad_certificate', `${node.shown} holds no certificate in PEM.`);
      return null;
    }
  }

  /** The PEM text of the private key of a certificate (null: that was refused already). */
  privateKey(node: ScalarNode, certificate: string | null): string | null {
    const pem = this.#text(node, node.text);
    if (pem === null) return null;
    let key: KeyObject;
    try {
      key = createPrivateKey(pem);
    } catch {
      this.#report.error(node, 'bad_certificate', `${node.shown} holds no unencrypted private key in PEM.`);
      return null;
    }
    if (certificate === null || new X509Certificate(certificate).checkPrivateKey(key)) return pem;
    this.#report.error(node, 'bad_certificate', `The key in ${node.shown} is not that of the certificate.`);
    return null;
  }

  #text(node: ScalarNode, path: string): string | null {
    try {
      return readFileSync(resolve(this.#dir, path), 'utf8');
    } catch {
      this.#report.error(node, 'unreadable_file', `The file cannot be read: ${node.shown}`, 'Check the path: it is relative to the profile.');
      return null;
    }
  }
}
