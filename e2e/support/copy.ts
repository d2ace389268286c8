import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const workspaces = ['shared-schemas', 'pipeline', 'runtime', 'transport', 'preprocessor', 'analyzer', 'cli'];

/** Copies the sources that run, borrowing the installed packages, and gives the copy's launcher. */
export function copySources(to: string): string {
  for (const workspace of workspaces) cpSync(join(root, workspace), join(to, workspace), { recursive: true });
  mkdirSync(join(to, 'node_modules/@millrace'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@millrace') symlinkSync(join(root, 'node_modules', name), join(to, 'node_modules', name));
  }
  for (const workspace of workspaces) symlinkSync(join(to, workspace), join(to, 'node_modules/@millrace', workspace));
  return join(to, 'cli/bin/millrace.js');
}

/** Replaces the one place of a file that reads `from`. */
export function patch(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold ${JSON.stringify(from)} once`);
  writeFileSync(
    file,
    text.replace(from, () => to),
  );
}
