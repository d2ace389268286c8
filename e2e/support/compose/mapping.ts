import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Service } from './file.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** what the Dockerfile copies, and where to */
const IMAGE_FILES = '/opt/millrace';
const WORK_DIR = '/app';

/** What containers have of their own and processes share: addresses and file systems. */
export class Mapping {
  readonly #dir: string;
  /** by `service:port` of the stack: where that is on this machine */
  readonly #addresses: ReadonlyMap<string, string>;

  constructor(dir: string, addresses: ReadonlyMap<string, string>) {
    this.#dir = dir;
    this.#addresses = addresses;
  }

  /** what has been set up, for a service's processes to be started in: its mounts are where it looks for them */
  prepare(service: Service): string {
    const cwd = this.cwd(service);
    mkdirSync(cwd, { recursive: true });
    for (const { source, target } of service.mounts) {
      if (!source.startsWith('./')) {
        mkdirSync(this.#volume(source), { recursive: true });
        this.#inside(service, source, target);
        continue;
      }
      if (target.startsWith(`${WORK_DIR}/`)) {
        const link = join(cwd, target.slice(WORK_DIR.length));
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(join(root, source), link);
        continue;
      }
      const copy = this.#copy(service, target);
      cpSync(join(root, source), copy, { recursive: true });
      for (const name of globSync('**/*', { cwd: copy })) {
        const file = join(copy, name);
        if (statSync(file).isFile()) writeFileSync(file, this.here(service, readFileSync(file, 'utf8')));
      }
    }
    return cwd;
  }

  cwd(service: Service): string {
    return join(this.#dir, 'containers', service.name);
  }

  /** a volume mounted inside another one */
  #inside(service: Service, source: string, target: string): void {
    const outer = service.mounts.find((other) => target.startsWith(`${other.target}/`));
    if (outer === undefined) return;
    const link = join(this.#volume(outer.source), target.slice(outer.target.length));
    if (!existsSync(link)) symlinkSync(this.#volume(source), link);
  }

  #volume(name: string): string {
    return join(this.#dir, 'volumes', name);
  }

  #copy(service: Service, target: string): string {
    return join(this.#dir, 'copies', service.name, target);
  }

  /** A text of a service with this machine's addresses and paths in place of its container's. */
  here(service: Service, text: string): string {
    const addressed = text.replace(/\b([a-z][a-z0-9-]*|0\.0\.0\.0):(\d+)\b/g, (whole, host: string, port: string) => {
      const own = host === 'localhost' || host === '0.0.0.0';
      return this.#addresses.get(`${own ? service.name : host}:${port}`) ?? whole;
    });
    const paths = new Map<string, string>([
      ...service.mounts.map(({ source, target }) => [target, source.startsWith('./') ? this.#copy(service, target) : this.#volume(source)] as const),
      [IMAGE_FILES, join(root, 'deploy')],
    ]);
    const wholePath = new RegExp(`(?<![\\w./-])(${[...paths.keys()].join('|')})(?![\\w-])`, 'g');
    return addressed.replace(wholePath, (path) => paths.get(path) as string);
  }
}
