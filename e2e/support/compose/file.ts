import { parse } from 'yaml';

/** A duration as compose writes it, in ms. */
function milliseconds(text: string | undefined): number | null {
  const match = /^(\d+)(ms|s|m)$/.exec(text ?? '');
  return match === null ? null : Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
}

interface Health {
  /** what to run, without its leading CMD */
  readonly test: readonly string[];
  /** ms */
  readonly timeout: number;
  /** ms until it has to be healthy: start_period, and then all retries */
  readonly within: number;
}

export interface Mount {
  /** a path of the project, beginning with ./, or the name of a volume */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface Service {
  readonly name: string;
  readonly image: string;
  readonly built: boolean;
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly health: Health | null;
  readonly dependsOn: Readonly<Record<string, 'service_healthy' | 'service_completed_successfully'>>;
  readonly mounts: readonly Mount[];
  readonly restart: string;
  /** all that the file says of it, variables and anchors resolved */
  readonly raw: Readonly<Record<string, unknown>>;
}

interface RawService {
  readonly image: string;
  readonly build?: string;
  readonly entrypoint?: string[];
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { disable?: boolean; test?: string[]; interval?: string; timeout?: string; start_period?: string; retries?: number };
  readonly depends_on?: Record<string, { condition: 'service_healthy' | 'service_completed_successfully' }>;
  readonly volumes?: string[];
  readonly restart?: string;
}

export interface ComposeFile {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly services: readonly Service[];
  readonly volumes: readonly string[];
}

/** docker-compose.yml as compose reads it, as far as ours goes: anchors, merges and variables are resolved. Throws at what it does not know. */
export function readCompose(text: string, env: Readonly<Record<string, string>> = {}): ComposeFile {
  const raw = resolved(parse(text, { merge: true }), env) as Record<string, unknown>;
  const services = Object.entries(raw['services'] as Record<string, RawService>).map(([name, service]) => serviceOf(name, service));
  return { raw, services, volumes: Object.keys(raw['volumes'] as object) };
}

function resolved(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)(?::-([^}]*))?\}/g, (whole, name: string, otherwise: string | undefined) => {
      const found = env[name] ?? otherwise;
      if (found === undefined) throw new Error(`${whole} has no default`);
      return found;
    });
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, env));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, env)]));
}

function serviceOf(name: string, raw: RawService): Service {
  return {
    name,
    image: raw.image,
    built: raw.build !== undefined,
    entrypoint: raw.entrypoint ?? null,
    command: raw.command ?? [],
    environment: raw.environment ?? {},
    health: healthOf(raw.healthcheck),
    dependsOn: Object.fromEntries(Object.entries(raw.depends_on ?? {}).map(([other, { condition }]) => [other, condition])),
    mounts: (raw.volumes ?? []).map(mountOf),
    restart: raw.restart ?? 'no',
    raw: raw as unknown as Record<string, unknown>,
  };
}

function healthOf(check: RawService['healthcheck']): Health | null {
  if (check === undefined || check.disable) return null;
  const [kind, ...test] = check.test ?? [];
  const [interval, timeout, startPeriod] = [check.interval, check.timeout, check.start_period].map(milliseconds);
  if (kind !== 'CMD' || interval == null || timeout == null || startPeriod == null || check.retries === undefined)
    throw new Error(`a health check says CMD, interval, timeout, start_period and retries: ${JSON.stringify(check)}`);
  return { test, timeout, within: startPeriod + check.retries * (interval + timeout) };
}

function mountOf(text: string): Mount {
  const match = /^(\.\/[\w./-]+|\w+):(\/[\w./-]+?)(:ro)?$/.exec(text);
  if (match === null) throw new Error(`no mount that is known here: ${text}`);
  return { source: match[1] as string, target: match[2] as string, readOnly: match[3] !== undefined };
}
