import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Fence, Transport } from '../log.ts';
import { isAlive, type ProcessId, thisProcess } from './process.ts';

/**
 * The right to run one role of a data directory: a lock with a generation. It holds as long as the process lives; every
 * commit that names `fence` is refused once another process has taken over, however long this one had been stopped.
 */
export interface Claim {
  /** 1, 2, 3 …: one more with every claim of the role */
  readonly generation: number;
  readonly fence: Fence;
  /** gives the role back at a clean end; does nothing when another has taken it */
  release(): Promise<void>;
}

interface Owner {
  readonly generation: number;
  /** null: given back */
  readonly owner: ProcessId | null;
}

const NOBODY = Buffer.alloc(0);

const bytes = (owner: Owner) => Buffer.from(JSON.stringify(owner));

/**
 * Takes the role over from nobody or from a process that is dead, under the next generation.
 * Rejects with `MillraceError` already_running, naming the pid, while its owner lives (this process included). `dir` is for that message.
 * `anyway`: takes it from an owner that lives too, unless another has taken it since `owner` told so; what the old one commits after that is refused.
 */
export async function claim(transport: Transport, dir: string, role: string, anyway?: Uint8Array | null): Promise<Claim> {
  const key = `owner/${role}`;
  const self = thisProcess();
  for (;;) {
    const old = transport.ledger.get(key);
    const held = old === null ? { generation: 0, owner: null } : (JSON.parse(Buffer.from(old).toString()) as Owner);
    const despite = anyway !== undefined && Buffer.compare(anyway ?? NOBODY, old ?? NOBODY) === 0;
    if (held.owner !== null && !despite && isAlive(held.owner))
      throw new MillraceError('already_running', `Process ${held.owner.pid} runs ${role} on ${dir}.`, {
        hint: `Stop process ${held.owner.pid} first, or use another --data-dir.`,
      });
    const mine: Owner = { generation: held.generation + 1, owner: self };
    const fence = { key, value: bytes(mine) };
    try {
      await transport.commit({ appenders: [], puts: [[key, fence.value]], fence: { key, value: old } });
    } catch (error) {
      // another process was quicker: look at it
      if (error instanceof MillraceError && error.code === 'fenced') continue;
      throw error;
    }
    return { generation: mine.generation, fence, release: () => release(transport, fence, mine.generation) };
  }
}

/** Who has the role, in words that change with everyone who takes it; null: nobody ever had it. */
export function ownerOf(transport: Transport, role: string): Uint8Array | null {
  return transport.ledger.get(`owner/${role}`);
}

async function release(transport: Transport, fence: Fence, generation: number): Promise<void> {
  try {
    await transport.commit({ appenders: [], puts: [[fence.key, bytes({ generation, owner: null })]], fence });
  } catch (error) {
    if (!(error instanceof MillraceError && error.code === 'fenced')) throw error;
  }
}
