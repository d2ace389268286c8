import { systemClock } from '@millrace/runtime/clock.ts';
import type { Host, Sink } from './command.ts';

/** The real process. A reader that goes away (`millrace topic cat … | head`) ends it quietly. */
export function processHost(): Host {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  return {
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    exit: (code) => process.exit(code),
    onSignal(listener) {
      const hear = (signal: NodeJS.Signals): void => listener(signal as 'SIGINT' | 'SIGTERM');
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hear);
      return () => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, hear);
      };
    },
  };
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  return {
    write(text) {
      if (stream.write(text)) return undefined;
      return new Promise((resolve) => stream.once('drain', resolve));
    },
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
  };
}
