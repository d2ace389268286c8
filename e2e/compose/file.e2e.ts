/** What docker-compose.yml, Dockerfile and the settings beside them say, without an engine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { queriesOf } from '../support/compose/dashboard.ts';
import { type Mount, readCompose, type Service } from '../support/compose/file.ts';
import { root } from '../support/compose/mapping.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const file = readCompose(read('docker-compose.yml'));
const dockerfile = read('Dockerfile');
const { version, devDependencies } = JSON.parse(read('package.json')) as { version: string; devDependencies: Record<string, string> };

/** the keys of a service that this suite knows how to judge; another one needs a look, and a line here */
const KEYS = ['image', 'build', 'user', 'entrypoint', 'command', 'environment', 'volumes', 'depends_on', 'healthcheck', 'deploy', 'ports', 'hostname'].concat([
  'restart',
  'init',
  'read_only',
  'tmpfs',
  'cap_drop',
  'security_opt',
  'stop_grace_period',
  'logging',
  'network_mode',
]);
const succeeds = (program: string, ...args: string[]): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const bound = ({ mounts }: Service): readonly Mount[] => mounts.filter(({ source }) => source.startsWith('./'));

test('it has the services of the stack, and nothing at the top that is not known', () => {
  const names = [
    'token',
    'kafka',
    'redis',
    'generator',
    'preprocessor',
    'preprocessor-2',
    'analyzer',
    'analyzer-2',
    'worker-1',
    'worker-2',
    'prometheus',
    'grafana',
  ];
  expect(file.services.map(({ name }) => name)).toEqual(names);
  expect(Object.keys(file.raw).filter((key) => !key.startsWith('x-'))).toEqual(['name', 'services', 'volumes']);
});

describe.each(file.services.map((service) => [service.name, service] as const))('%s', (name, service) => {
  const { raw, image, health, restart } = service;

  test('has known keys only, and an image of one version', () => {
    expect(Object.keys(raw).filter((key) => !KEYS.includes(key))).toEqual([]);
    expect(image).toMatch(/^[a-z][a-z/]*:v?\d+\.\d+\.\d+(-[a-z]+)?$/);
    expect(image.startsWith('millrace:')).toBe(service.built);
  });

  test('is nobody of importance, in a container that holds little', () => {
    expect(raw['user']).toMatch(/^(?!root|0)\w+$/);
    expect(raw).toMatchObject({ cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], init: true, logging: { options: { 'max-size': '10m' } } });
    expect(raw['read_only']).toBe(name !== 'kafka');
    for (const mount of bound(service)) expect(mount.readOnly, mount.source).toBe(true);
  });

  test('has its limits', () => {
    const { cpus, memory } = (raw['deploy'] as { resources: { limits: { cpus: string; memory: string } } }).resources.limits;
    expect(Number(cpus)).toBeGreaterThan(0);
    expect(memory).toMatch(/^\d+M$/);
  });

  test('is started again when it fails, and says whether it is well', () => {
    expect(restart).toBe(name === 'token' ? 'no' : 'unless-stopped');
    if (name !== 'token') expect(health?.test.length).toBeGreaterThan(1);
  });

  test('waits for services that there are, for what they can be', () => {
    for (const [other, condition] of Object.entries(service.dependsOn)) {
      const found = file.services.find((one) => one.name === other);
      expect(found, other).toBeDefined();
      expect(condition).toBe(found?.health === null ? 'service_completed_successfully' : 'service_healthy');
    }
  });

  test('mounts what there is', () => {
    for (const { source } of bound(service)) expect(existsSync(join(root, source)), source).toBe(true);
    for (const { source } of service.mounts) if (!source.startsWith('./')) expect(file.volumes).toContain(source);
  });

  test('is to be reached from this machine only, and holds no secret', () => {
    for (const port of (raw['ports'] as string[] | undefined) ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    for (const [key, value] of Object.entries(service.environment)) {
      expect(typeof value, key).toBe('string');
      expect(key).not.toMatch(/PASSWORD|SECRET|(?<!_FILE)_KEY$|TOKEN$/);
    }
  });
});

test('every volume is used, and the token is written by its own service alone', () => {
  const mounts = file.services.flatMap((service) => service.mounts.map((mount) => ({ ...mount, name: service.name })));
  for (const volume of file.volumes) expect(mounts.map(({ source }) => source)).toContain(volume);
  expect(mounts.filter(({ source, readOnly }) => source === 'token' && !readOnly).map(({ name }) => name)).toEqual(['token']);
});

test('the image is that of this version, on the Node of the checkout, as a user, with a health check', () => {
  for (const { image, built } of file.services) if (built) expect(image).toBe(`millrace:${version}`);
  expect(/^ARG NODE=(.*)$/m.exec(dockerfile)?.[1]).toBe(devDependencies['node']);
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^USER node$/m);
  expect(last).toMatch(/^HEALTHCHECK .*CMD \["node", "\/opt\/millrace\/ready\.js"\]$/m);
  expect(last).not.toMatch(/npm (ci|install)|apt-get/);
  for (const [, copied] of last.matchAll(/^COPY ((?!--from)[^\n]*) \S+$/gm))
    for (const path of (copied as string).split(' ')) expect(existsSync(join(root, path)), path).toBe(true);
  for (const ignored of ['.git', '**/node_modules', '**/.millrace']) expect(read('.dockerignore').split('\n')).toContain(ignored);
});

test("the broker's image is of the version that the other suites run", () => {
  const kafka = /<version>(\d+\.\d+\.\d+)<\/version>/.exec(read('e2e/support/kafka/pom.xml'))?.[1];
  expect(file.services.find(({ name }) => name === 'kafka')?.image).toBe(`apache/kafka:${kafka}`);
});

test('generate.yaml makes the payments of pipeline.yaml, on the topic that is read there', () => {
  interface Pipeline {
    readonly schemas: { readonly payment: unknown };
    readonly preprocess: {
      readonly sources: { readonly id: string; readonly topic?: string; readonly key?: string; readonly generate?: { card_fraud: Record<string, unknown> } }[];
      readonly outputs: { readonly topic: string; readonly key: string }[];
    };
  }
  const [app, made] = ['pipeline', 'generate'].map((name) => parse(read(`pipelines/fraud-detection/${name}.yaml`)) as Pipeline) as [Pipeline, Pipeline];
  expect(made.schemas.payment).toEqual(app.schemas.payment);
  const [own, received] = app.preprocess.sources;
  const [source] = made.preprocess.sources;
  const { days: _, ...simulation } = own?.generate?.card_fraud ?? {};
  expect(source?.generate).toEqual({ ...own?.generate, card_fraud: simulation });
  expect(made.preprocess.outputs).toMatchObject([{ topic: received?.topic, key: received?.key }]);
});

test('Prometheus is told of every process of ours, and its settings are valid', () => {
  const text = read('deploy/prometheus/prometheus.yml');
  const { scrape_configs } = parse(text) as { scrape_configs: { static_configs: { targets: string[]; labels: { service: string } }[] }[] };
  const processes = file.services.filter(({ built, health }) => built && health !== null).map(({ name }) => name);
  const told = scrape_configs.flatMap(({ static_configs }) => static_configs);
  expect(told).toEqual(processes.map((service) => ({ targets: [`${service}:8088`], labels: { service } })));
  if (!succeeds('promtool', '--version')) return;
  execFileSync('promtool', ['check', 'config', '--syntax-only', join(root, 'deploy/prometheus/prometheus.yml')], { stdio: 'pipe' });
  execFileSync('promtool', ['check', 'rules', join(root, 'deploy/prometheus/rules.yml')], { stdio: 'pipe' });
});

test('dashboard and rules ask for metrics that docs/operations.md has', () => {
  const page = read('docs/operations.md');
  const asked = [...queriesOf(join(root, 'deploy/grafana/dashboards/millrace.json')).map(({ expr }) => expr), read('deploy/prometheus/rules.yml')].join('\n');
  const names = new Set([...asked.matchAll(/\b(?:millrace|process|nodejs)_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, '')));
  expect(names.size).toBeGreaterThan(12);
  for (const name of names) expect(page).toContain(`| \`${name}\` |`);
});

test("Grafana's data source is the one that the dashboard names", () => {
  const { datasources } = parse(read('deploy/grafana/datasources/prometheus.yml')) as { datasources: { uid: string; url: string }[] };
  const uids = [...read('deploy/grafana/dashboards/millrace.json').matchAll(/"uid": "(\w+)"/g)].map(([, uid]) => uid);
  expect(new Set(uids)).toEqual(new Set(['millrace', datasources[0]?.uid]));
  expect(datasources[0]?.url).toBe('http://prometheus:9090');
});

test('the token is drawn once, long, and readable to others who are shown the volume', () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-token-'));
  const path = join(dir, 'token');
  const draw = (): string => {
    execFileSync(process.execPath, [join(root, 'deploy/token.js'), path]);
    return readFileSync(path, 'utf8');
  };
  const token = draw();
  expect(token).toMatch(/^[\w-]{32}$/);
  expect(statSync(path).mode & 0o777).toBe(0o444);
  expect(draw()).toBe(token);
  rmSync(dir, { recursive: true });
});

const compose = succeeds('docker', 'compose', 'version');
test.skipIf(!compose)(`docker compose takes the file${compose ? '' : ' (no docker compose here)'}`, () => {
  execFileSync('docker', ['compose', '--file', join(root, 'docker-compose.yml'), 'config', '--quiet'], { stdio: 'pipe' });
});
