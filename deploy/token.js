// Draws the token that guards the status servers of the stack, once a volume: `node token.js FILE`. No secret stands in docker-compose.yml.
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
if (!existsSync(file)) {
  // millrace and Prometheus are different users: the volume is shown to nobody else
  writeFileSync(`${file}.new`, randomBytes(24).toString('base64url'), { mode: 0o444 });
  renameSync(`${file}.new`, file);
}
