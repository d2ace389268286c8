// The health check of the image: exit code 0 when the status server of this container says that it is ready, 1 otherwise and why. `ready.js /health`: that it
// is well, which one that stands by is too.
import { readFileSync } from 'node:fs';

const port = /:(\d+)$/.exec(process.env.LISTEN ?? '')?.[1] ?? '8088';
const token = process.env.TOKEN_FILE ? readFileSync(process.env.TOKEN_FILE, 'utf8').trim() : '';
try {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${port}${process.argv[2] ?? '/ready'}`, { headers, signal: AbortSignal.timeout(4000) });
  process.stdout.write(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
