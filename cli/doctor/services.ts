import { createServer } from 'node:net';
import type { HttpProfile, RedisProfile, RegistryProfile } from '@millrace/pipeline/profile.ts';
import type { Clock } from '@millrace/runtime/clock.ts';
import { boundAddress } from '../status/address.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** Whether the registry answers, and lets us in. */
export async function checkRegistry(name: string, registry: RegistryProfile, clock: Clock, patience: number): Promise<Check> {
  const { ConfluentRegistry } = await import('@millrace/shared-schemas/registry/confluent.ts');
  const level = await new ConfluentRegistry({ ...registry, clock, patience }).level();
  return ok(name, `answers; compatibility ${level}`);
}

/** Whether Redis answers, lets us in, and is new enough to hand out jobs. */
export async function checkJobs(name: string, redis: RedisProfile): Promise<Check> {
  const { checkRedis } = await import('@millrace/analyzer/jobs/redis.ts');
  return ok(name, `answers; version ${await checkRedis(redis)}`);
}

/** Whether the status page could listen at its address. */
export async function checkListen(name: string, http: HttpProfile): Promise<Check> {
  const host = await boundAddress(http);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(
        code === 'EADDRINUSE'
          ? warn(name, 'Something listens there already.', 'That may be a run of this pipeline; else name another port in http: { listen: … }.')
          : fail(name, `Nobody can listen there (${code}).`, 'Name an address of this machine and a free port in http: { listen: … }.'),
      ),
    );
    server.listen(http.port, host, () => server.close(() => resolve(ok(name, `free${http.token === null ? '' : ', guarded by a token'}`))));
  });
}
