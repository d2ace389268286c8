import { readFileSync } from 'node:fs';

/** A process of this machine, told apart from a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** boot and start time as /proc tells them; empty where there is no /proc */
  readonly started: string;
}

/** Which boot of the machine this is, empty where there is no /proc. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

/** State and start time of a process from /proc, null when it has none, undefined where there is no /proc. */
function stat(pid: number): { state: string; started: string } | null | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // the name stands in parentheses and may hold anything; state is field 3, start time (clock ticks since boot) field 22
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: `${bootId()}/${fields[19]}` };
  } catch {
    try {
      readFileSync('/proc/self/stat');
      return null;
    } catch {
      return undefined;
    }
  }
}

/** This process. */
export function thisProcess(): ProcessId {
  return { pid: process.pid, started: stat(process.pid)?.started ?? '' };
}

/** Whether the process still runs. One that was killed but not yet waited for by its parent does not. */
export function isAlive({ pid, started }: ProcessId): boolean {
  const found = stat(pid);
  if (found === null) return false;
  if (found !== undefined && started !== '') return found.started === started && found.state !== 'Z' && found.state !== 'X';
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
