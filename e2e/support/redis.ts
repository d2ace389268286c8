import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { describe, test } from 'vitest';
import { GuardedProcess } from './guarded-process.ts';
import { freePorts } from './ports.ts';

const START_WITHIN = 10_000;

/** A Redis server of its own: nothing is kept on disk, so a stop forgets everything. */
export class RedisServer {
  readonly port: number;
  readonly #password: string | null;
  readonly #certificate: { cert: string; key: string } | null;
  readonly #dir = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  #process: GuardedProcess | null = null;

  /** `certificate`: PEM files; then it speaks TLS and nothing else */
  static async start(password: string | null = null, certificate: { cert: string; key: string } | null = null): Promise<RedisServer> {
    const server = new RedisServer((await freePorts(1))[0] as number, password, certificate);
    await server.start();
    return server;
  }

  private constructor(port: number, password: string | null, certificate: { cert: string; key: string } | null) {
    this.port = port;
    this.#certificate = certificate;
    this.#password = password;
  }

  get url(): string {
    return `${this.#certificate === null ? 'redis' : 'rediss'}://127.0.0.1:${this.port}`;
  }

  /** again, on the same port, with nothing in it */
  async start(): Promise<void> {
    const at =
      this.#certificate === null
        ? ['--port', String(this.port)]
        : ['--port', '0', '--tls-port', String(this.port), '--tls-cert-file', this.#certificate.cert, '--tls-key-file', this.#certificate.key].concat([
            '--tls-ca-cert-file',
            this.#certificate.cert,
            '--tls-auth-clients',
            'no',
          ]);
    const args = [...at, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#dir];
    const secret = this.#password === null ? [] : ['--requirepass', this.#password];
    const command = ['redis-server', ...args, ...secret];
    this.#process = new GuardedProcess({ command, env: process.env as Record<string, string>, cwd: this.#dir, log: join(this.#dir, 'server.log') });
    const since = performance.now();
    for (;;) {
      const answer = await this.say('PING').catch(() => '');
      if (/^\+PONG|^\+OK\r\n\+PONG/.test(answer)) return;
      if (performance.now() - since > START_WITHIN) throw new Error(`redis-server has not started on port ${this.port}\n${this.#process?.said}`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    const server = this.#process;
    if (server === null) return;
    this.#process = null;
    server.signal('SIGCONT');
    server.signal('SIGKILL');
    await server.exit;
  }

  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  /** one command, without quotes; gives the raw answer */
  say(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = this.#certificate === null ? connect(this.port, '127.0.0.1') : tls.connect({ port: this.port, rejectUnauthorized: false });
      let answer = '';
      socket.setTimeout(2000, () => socket.destroy(new Error('no answer')));
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString();
      });
      socket.on('close', () => resolve(answer));
      socket.end(`${this.#password === null ? '' : `AUTH ${this.#password}\r\n`}${command}\r\nQUIT\r\n`);
    });
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** why there is no Redis here; null: there is. On a CI machine that is ours it is installed. */
function missing(): string | null {
  const found = (): boolean => spawnSync('redis-server', ['--version']).status === 0;
  if (found()) return null;
  if (process.env['CI'] === 'true' && process.getuid?.() === 0) {
    execFileSync('apt-get', ['update'], { stdio: 'ignore' });
    execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' });
    if (found()) return null;
  }
  return 'redis-server is not on the PATH (apt-get install redis-server)';
}

/** A suite that needs a server: skipped where there is none, failed where there has to be. */
export function describeRedis(name: string, suite: () => void): void {
  const why = missing();
  if (why === null) describe(name, suite);
  else if (process.env['CI'] === 'true')
    describe(name, () => {
      test('Redis', () => {
        throw new Error(why);
      });
    });
  else describe.skip(`${name}: ${why}`, suite);
}
