import { MillraceError } from '@millrace/runtime/errors.ts';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Call, CommandSpec, Host, OptionSpec } from './command.ts';

const GROUPS: Readonly<Record<string, { readonly doc: string; readonly example: string }>> = {
  topic: { doc: 'read and write logs: cat, produce, list', example: 'millrace topic list' },
  model: { doc: 'trained models: list, show, promote, rollback, evaluate', example: 'millrace model list pipeline.yaml' },
};

/** Options that every command has. */
export const EVERYWHERE: readonly OptionSpec[] = [
  { flags: '--json', doc: 'one JSON document on stdout, or one a line for streams' },
  { flags: '--debug', doc: 'show stack traces' },
];

/**
 * Reads the command line and runs the command it names. Gives its exit code, or 0 after `--help` and `--version`.
 * Throws `MillraceError` wrong_usage for a call it does not understand.
 */
export async function dispatch(specs: readonly CommandSpec[], argv: readonly string[], version: string, host: Host): Promise<number> {
  let code = 0;
  const root = style(new Command('millrace'), host)
    .description('Streams described in one YAML file: record by record, in event time, exactly once.')
    .version(version, '--version', 'print the version')
    .helpCommand('help [command]', 'help on one command');
  const groups = new Map<string, Command>();
  for (const spec of specs) {
    const words = spec.name.split(' ');
    const parent = words.length === 1 ? root : group(root, groups, words[0], host);
    const command = style(new Command(words[words.length - 1]), host)
      .summary(spec.summary)
      .description(spec.doc ? `${spec.summary}\n\n${spec.doc}` : spec.summary);
    for (const arg of spec.args) command.argument(arg.name, arg.doc);
    for (const option of [...spec.options, ...EVERYWHERE]) command.addOption(toOption(option));
    command.addHelpText('after', `\n${spec.examples.length > 1 ? 'Examples' : 'Example'}:\n${spec.examples.map((e) => `  $ ${e}`).join('\n')}\n`);
    command.action(async () => {
      code = await spec.run(toCall(command, host));
    });
    parent.addCommand(command);
  }
  root.addHelpText('after', '\nExample:\n  $ millrace init shop && millrace run shop/pipeline.yaml --until end\n');
  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return settled(error, argv);
  }
  return code;
}

/** Help is no failure, though commander throws for it; being called with no command at all is. */
function settled(error: CommanderError, argv: readonly string[]): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const [message, suggestion] = error.message.replace(/^error: /, '').split('\n');
  const words = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
  const name = error.code === 'commander.unknownCommand' ? '' : `${Object.hasOwn(GROUPS, words[0] ?? '') ? words.join(' ') : (words[0] ?? '')} `;
  throw new MillraceError('wrong_usage', message, { hint: suggestion?.replace(/^\((.*)\)$/, '$1') ?? `See millrace ${name}--help.` });
}

function group(root: Command, groups: Map<string, Command>, name: string, host: Host): Command {
  let command = groups.get(name);
  if (!command) {
    command = style(new Command(name), host).description(GROUPS[name].doc).helpCommand(false);
    command.addHelpText('after', `\nExample:\n  $ ${GROUPS[name].example}\n`);
    groups.set(name, command);
    root.addCommand(command);
  }
  return command;
}

function style(command: Command, host: Host): Command {
  return command
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(host.stdout.columns, 120),
      getErrHelpWidth: () => Math.min(host.stderr.columns, 120),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.doc);
  if (spec.choices) option.choices([...spec.choices]);
  if (spec.integer)
    option.argParser((text: string) => {
      const value = Number(text);
      if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number of 0 or more.');
      return value;
    });
  return option;
}

function toCall(command: Command, host: Host): Call {
  const options = command.opts<Record<string, unknown>>();
  return {
    host,
    args: command.processedArgs.flat().filter((arg): arg is string => arg !== undefined),
    json: options.json === true,
    flag: (option) => options[option] === true,
    text: (option) => options[option] as string | undefined,
    integer: (option) => options[option] as number | undefined,
  };
}
