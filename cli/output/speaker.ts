import type { Profile } from '@millrace/pipeline/profile.ts';
import type { Host } from '../command.ts';
import { styleFor } from './color.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

interface RunEvent {
  readonly level: (typeof LEVELS)[number];
  readonly code: string;
  readonly message: string;
}

/** Messages of a run on stderr, as the profile wants them; those for people go to `line`. */
export function speaker(host: Host, profile: Profile, line: (text: string) => void): (event: RunEvent) => void {
  const style = styleFor(host.stderr, host.env);
  const least = LEVELS.indexOf(profile.log.level);
  return ({ level, code, message }) => {
    if (LEVELS.indexOf(level) < least) return;
    if (profile.log.format === 'json') return void host.stderr.write(`${JSON.stringify({ time: host.clock.now(), level, code, message })}\n`);
    const paint = level === 'error' ? style.red : level === 'warn' ? style.yellow : style.dim;
    line(`${paint(`${level} ${code}`)} ${message}`);
  };
}
