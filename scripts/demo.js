// `npm run demo`: sets the checkout up if need be, then runs `millrace demo`. What follows `--` goes on to it: `npm run demo -- --days 30`.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.js';

const root = fileURLToPath(new URL('..', import.meta.url));

function demo() {
  const child = spawn(process.execPath, [join('cli', 'bin', 'millrace.js'), 'demo', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => {
    process.exitCode = code === null ? 1 : code;
  });
}

setup().then(demo, (error) => {
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
});
