// `npm run demo`: sets the checkout up if need be, then runs the quickstart pipeline from the start.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dataDir = join('.millrace', 'demo');
const command = ['run', join('pipelines', 'quickstart', 'pipeline.yaml'), '--until', 'end', '--data-dir', dataDir, '--show', '5'];

function demo() {
  rmSync(join(root, dataDir), { recursive: true, force: true });
  process.stdout.write(`$ npx millrace ${command.join(' ')}\n`);
  const child = spawn(process.execPath, [join('cli', 'bin', 'millrace.js'), ...command, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => {
    process.exitCode = code === null ? 1 : code;
  });
}

setup().then(demo, (error) => {
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
});
