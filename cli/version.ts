import cli from './package.json' with { type: 'json' };

/** The one version of everything in the repository; the packed command has it built in. */
export const version: string = cli.version;
