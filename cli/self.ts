import cli from './package.json' with { type: 'json' };

/** The one version of everything in the repository; the packed command has it built in. */
export const version: string = cli.version;

/** How this command is called from a shell: in a checkout, where it runs as sources, npx has to find it. */
export const invocation: string = import.meta.url.endsWith('.ts') ? 'npx millrace' : 'millrace';
