import type { Transport } from './log.ts';
import type { MemoryTransport } from './memory.ts';

/** Test support: a memory as one owner of several has it: `guard` is asked before each change, and throws where the owner is none any more. Commits come later, as a broker answers. */
export function openGuarded(memory: MemoryTransport, guard: () => void): Transport {
  let closed = false;
  const usable = (): void => {
    if (closed) throw new Error('the transport is closed');
    guard();
  };
  return {
    kind: 'kafka',
    log: memory.log,
    ledger: memory.ledger,
    async commit(commit) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      usable();
      memory.commit(commit);
    },
    note(puts) {
      usable();
      memory.note(puts);
    },
    async close() {
      closed = true;
    },
  };
}
