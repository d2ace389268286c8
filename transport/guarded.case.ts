import type { Transport } from './log.ts';
import type { MemoryTransport } from './memory.ts';

/** Test support: a memory as one owner of several has it: `guard` is asked before each change, and throws where the owner is none any more. Commits come later, as a broker answers. */
export function openGuarded(memory: MemoryTransport, guard: () => void): Transport {
  return {
    kind: 'kafka',
    log: memory.log,
    ledger: memory.ledger,
    async commit(commit) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      guard();
      memory.commit(commit);
    },
    note(puts) {
      guard();
      memory.note(puts);
    },
    close: async () => undefined,
  };
}
