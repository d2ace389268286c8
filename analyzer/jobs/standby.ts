import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime/errors.ts';
import { type Claim, claim, ownerOf } from '@millrace/transport/embedded/ownership.ts';
import type { Transport } from '@millrace/transport/log.ts';
import { Dismissed } from './jobs.ts';

/** how often an owner shows that it is there, and a process that stands by looks, ms */
const BEAT_EVERY = 1000;
/** beats that may be missing: then the owner is stopped, or cut off */
const PATIENCE = 10;

export interface StandbyOptions {
  readonly transport: Transport;
  readonly dataDir: string;
  readonly role: string;
  /** whether all that an owner leaves goes with a commit, which is refused once another has the role. Files are written before it: nobody can keep a living process from that. */
  readonly fenced: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: { level: 'info' | 'warn'; code: string; message: string }) => void;
}

const beatKey = (role: string): string => `beat/${role}`;

/**
 * Takes a role as `claim` does, but stands by while its owner lives, and takes it from one whose beat stands still, if that is safe. That owner may live on: its commits are refused, whatever it believes.
 * @throws Dismissed when it is told to stop before the role is free
 */
export async function claimOrStandBy({ transport, dataDir, role, fenced, signal, onEvent }: StandbyOptions): Promise<Claim> {
  let said = false;
  let last = '';
  let still = 0;
  for (;;) {
    try {
      const owner = ownerOf(transport, role);
      return beating(transport, role, await claim(transport, dataDir, role, fenced && still >= PATIENCE ? owner : undefined));
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'already_running')) throw error;
      if (signal.aborted) throw new Dismissed(error.message);
      if (!said) onEvent({ level: 'info', code: 'standing_by', message: `${error.message} Standing by to take over.` });
      said = true;
      if (!fenced && still === PATIENCE)
        onEvent({
          level: 'warn',
          code: 'owner_silent',
          message: `${error.message} It has not been heard of for ${(PATIENCE * BEAT_EVERY) / 1000} s. As it writes files, it has to be gone before another takes over: end it if it hangs.`,
        });
    }
    const beat = `${Buffer.from(transport.ledger.get(beatKey(role)) ?? '')}/${Buffer.from(ownerOf(transport, role) ?? '')}`;
    still = beat === last ? still + 1 : 0;
    last = beat;
    await sleep(BEAT_EVERY, undefined, { signal }).catch(() => {});
  }
}

/** The role, shown to be held for as long as this process gives its event loop a turn. */
function beating(transport: Transport, role: string, held: Claim): Claim {
  let beats = 0;
  const beat = (): void => {
    try {
      transport.note([[beatKey(role), Buffer.from(`${held.generation}.${beats++}`)]], held.fence);
    } catch {
      // another has the role: the next commit says so
      clearInterval(timer);
    }
  };
  const timer = setInterval(beat, BEAT_EVERY);
  timer.unref();
  beat();
  return {
    ...held,
    async release() {
      clearInterval(timer);
      await held.release();
    },
  };
}
