import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planOf } from '../checked.ts';
import type { Call, CommandSpec, Host } from '../command.ts';
import { closingDocument, renderClosing } from '../demo/closing.ts';
import type { Played } from '../demo/play.ts';
import { quoted, shownPath } from '../files.ts';
import { styleFor } from '../output/color.ts';
import { invocation } from '../self.ts';

/** days of history, which are there at once: enough for the first model to have learnt from */
const HISTORY = 28;
const DAYS = 16;
const SEED = 1;
const SPEED = 25_000;

const pipeline = fileURLToPath(new URL('../../pipelines/fraud-detection/pipeline.yaml', import.meta.url));

export const demoCommand: CommandSpec = {
  name: 'demo',
  summary: 'watch card fraud being caught: one minute, one process, no services',
  doc: 'Draws card payments as the Fraud Detection Handbook does, computes fifteen features, trains a model every day, swaps it into the record path, scores and alerts. Four weeks are history and there at once, the rest comes live. Shows it all while it happens, then a table of results. Ctrl-C ends it at any time.',
  args: [],
  options: [
    { flags: '--days <n>', doc: `days to live through (default: ${DAYS})`, integer: true },
    { flags: '--seed <n>', doc: `the same seed draws the same payments (default: ${SEED})`, integer: true },
    { flags: '--speed <x>', doc: `seconds of event time a second (default: ${SPEED}, a day in 3.5 s)`, integer: true },
    { flags: '--data-dir <dir>', doc: 'an empty directory to work in, or one of an earlier demo (default: .millrace/demo)' },
    { flags: '--keep', doc: 'leave topics and models there when it ends, to look at them' },
  ],
  examples: ['millrace demo', 'millrace demo --days 30 --seed 7 --keep'],
  async run(call) {
    const { host } = call;
    const [{ playDemo }, { freshHome, removeHome }] = await Promise.all([import('../demo/play.ts'), import('../demo/home.ts')]);
    const plan = await planOf({ ...host, env: environment(call) }, pipeline);
    const dataDir = resolve(host.cwd, call.text('dataDir') ?? join('.millrace', 'demo'));
    const home = shownPath(host.cwd, dataDir);
    freshHome(dataDir, home);
    const keep = call.flag('keep');
    let played: Played;
    try {
      played = await playDemo(host, plan, dataDir, call.json);
    } finally {
      if (!keep) removeHome(dataDir);
    }
    const closing = { ...played, dataDir: keep ? quoted(home) : null, file: quoted(shownPath(host.cwd, pipeline)), invocation };
    await host.stdout.write(call.json ? `${JSON.stringify(closingDocument(closing))}\n` : renderClosing(closing, styleFor(host.stdout, host.env)));
    return 0;
  },
};

/** What the pipeline file takes from its environment, as the options say. */
function environment(call: Call): Host['env'] {
  return {
    ...call.host.env,
    WARM_UP: String(HISTORY),
    DAYS: String(HISTORY + (call.integer('days') ?? DAYS)),
    SEED: String(call.integer('seed') ?? SEED),
    SPEED: String(call.integer('speed') ?? SPEED),
  };
}
