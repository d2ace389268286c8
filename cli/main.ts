import { isAbsolute, resolve } from 'node:path';
import { FindingsError, findingsDocument, printFindings } from './checked.ts';
import type { CommandSpec, Host } from './command.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { explainCommand } from './commands/explain.ts';
import { initCommand } from './commands/init.ts';
import { lintCommand } from './commands/lint.ts';
import { modelEvaluateCommand } from './commands/model-evaluate.ts';
import { modelListCommand } from './commands/model-list.ts';
import { modelPromoteCommand } from './commands/model-promote.ts';
import { modelRollbackCommand } from './commands/model-rollback.ts';
import { modelShowCommand } from './commands/model-show.ts';
import { runCommand } from './commands/run.ts';
import { topicCatCommand } from './commands/topic-cat.ts';
import { topicListCommand } from './commands/topic-list.ts';
import { topicProduceCommand } from './commands/topic-produce.ts';
import { workerCommand } from './commands/worker.ts';
import { shownPath } from './files.ts';
import { processHost } from './host.ts';
import { styleFor } from './output/color.ts';
import { type Failure, failureDocument, failureOf, renderFailure } from './output/failure.ts';
import { dispatch } from './parser.ts';
import { version } from './self.ts';

/** In the order of `--help`. A command loads what it needs when it runs, so that help and mistakes are answered at once. */
export const commands: readonly CommandSpec[] = [
  demoCommand,
  initCommand,
  lintCommand,
  explainCommand,
  doctorCommand,
  runCommand,
  workerCommand,
  topicCatCommand,
  topicProduceCommand,
  topicListCommand,
  modelListCommand,
  modelShowCommand,
  modelPromoteCommand,
  modelRollbackCommand,
  modelEvaluateCommand,
];

/** Runs one command line (without `node` and the script) and gives the exit code. Never throws. */
export async function main(argv: readonly string[], host: Host = processHost()): Promise<number> {
  try {
    return await dispatch(commands, argv, version, host);
  } catch (error) {
    const options = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length);
    const json = options.includes('--json');
    const debug = options.includes('--debug');
    if (error instanceof FindingsError) {
      if (json) await host.stdout.write(`${JSON.stringify(findingsDocument(error.findings))}\n`);
      await printFindings(host, error.findings);
      return 1;
    }
    const failure = placed(failureOf(error), argv, host.cwd);
    if (json) await host.stdout.write(`${JSON.stringify(failureDocument(failure, debug))}\n`);
    await host.stderr.write(renderFailure(failure, styleFor(host.stderr, host.env), debug));
    return failure.exit;
  }
}

/** A file is named as it was on the command line, or as a person would type it there. */
function placed(failure: Failure, argv: readonly string[], cwd: string): Failure {
  const { place } = failure;
  if (place === null || !isAbsolute(place.file)) return failure;
  return { ...failure, place: { ...place, file: argv.find((arg) => resolve(cwd, arg) === place.file) ?? shownPath(cwd, place.file) } };
}
