import { resolve } from 'node:path';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { Call, CommandSpec } from '../command.ts';
import { type Check, within } from '../doctor/check.ts';
import { shownPath } from '../files.ts';
import { type Style, styleFor } from '../output/color.ts';
import { renderTable } from '../output/table.ts';
import { resolveProfile } from '../profiles.ts';

/** ms: a step of reaching a broker, one endpoint, and what a service may be asked again for */
const STEP = 2000;
const ENDPOINT = 4500;
const PATIENCE = 3500;

export const doctorCommand: CommandSpec = {
  name: 'doctor',
  summary: 'look at everything a profile names, and say what is wrong and the way out',
  doc: 'Brokers, the schema registry, Redis, the address of the status page, the data directory, TensorFlow, Node and memory; without a profile what an embedded run needs. Changes nothing. Exit code 1 when something fails; takes at most ten seconds, however little answers.',
  args: [],
  options: [
    { flags: '--profile <profile>', doc: 'a name under profiles/, or a path (default: everything embedded)' },
    { flags: '--data-dir <dir>', doc: 'the data directory that is meant (default: that of the profile, else .millrace here)' },
  ],
  examples: ['millrace doctor', 'millrace doctor --profile kafka', 'millrace doctor --profile profiles/production.yaml --json'],
  async run(call) {
    const { host } = call;
    const profile = await resolveProfile(host, call.text('profile'));
    const checks = await examine(call, profile);
    const failed = checks.some(({ status }) => status === 'fail');
    if (call.json) await host.stdout.write(`${JSON.stringify({ profile: profile.name, ok: !failed, checks })}\n`);
    else await host.stdout.write(render(checks, styleFor(host.stdout, host.env)));
    return failed ? 1 : 0;
  },
};

async function examine(call: Call, profile: Profile): Promise<Check[]> {
  const { host } = call;
  const { checkNode, checkMemory, checkTensorflow, memoryHere } = await import('../doctor/machine.ts');
  const { checkDirectory } = await import('../doctor/directory.ts');
  const dir = resolve(host.cwd, call.text('dataDir') ?? profile.checkpoint.path ?? '.millrace');
  const here = [checkNode(process.versions.node), checkMemory(profile, memoryHere()), checkDirectory(dir, shownPath(host.cwd, dir))];
  // it loads in one turn, which must not take time from those who wait for an answer
  const tensorflow = await within(ENDPOINT, 'tensorflow', checkTensorflow);
  return [...here, tensorflow, ...(await endpoints(call, profile))];
}

async function endpoints({ host }: Call, { transport, registry, redis, http }: Profile): Promise<Check[]> {
  const { checkKafka } = await import('../doctor/kafka.ts');
  const { checkJobs, checkListen, checkRegistry } = await import('../doctor/services.ts');
  const found = await Promise.all([
    transport.kafka === null ? [] : checkKafka(transport.kafka, { step: STEP, all: ENDPOINT, now: host.clock.now() }),
    registry === null ? [] : within(ENDPOINT, `registry ${registry.url}`, () => checkRegistry(`registry ${registry.url}`, registry, host.clock, PATIENCE)),
    redis === null ? [] : within(ENDPOINT, `redis ${redis.host}:${redis.port}`, () => checkJobs(`redis ${redis.host}:${redis.port}`, redis)),
    http === null ? [] : within(ENDPOINT, `http ${http.host}:${http.port}`, () => checkListen(`http ${http.host}:${http.port}`, http)),
  ]);
  return found.flat();
}

const MARKS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

/** A line a check, what to do below it, and a count. */
function render(checks: readonly Check[], style: Style): string {
  const rows = checks.map(({ name, status, message }) => [status, name, message]);
  const [, ...lines] = renderTable([{ title: '' }, { title: '' }, { title: '' }], rows, style);
  const out = checks.map(({ status, hint }, i) => {
    const line = `${style[MARKS[status]](status)}${lines[i].slice(status.length)}`;
    return hint === null ? line : `${line}\n      ${style.dim('hint:')} ${hint}`;
  });
  const counts = (['fail', 'warn'] as const)
    .map((status) => [checks.filter((check) => check.status === status).length, status] as const)
    .filter(([n]) => n > 0);
  const words = { fail: 'failed', warn: 'worth a look' };
  const summary = counts.length === 0 ? 'nothing wrong' : counts.map(([n, status]) => `${n} ${words[status]}`).join(', ');
  return `${out.join('\n')}\n${style.bold(`${checks.length} checks: ${summary}`)}\n`;
}
