import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '@millrace/runtime/read-text.ts';
import { openEmbedded } from '../embedded/open.ts';
import { bootId } from '../embedded/process.ts';
import type { Transport } from '../log.ts';

/** the boot of the machine since which the store is written to */
const BOOT = 'boot';

/**
 * Opens what a copy of a ledger is kept in. Its commits do not wait for the disk, which would hold up the records of the thread: what a process wrote is there after its death,
 * but a crash of the machine may damage it. So one of an earlier boot begins anew, as the topic has all of it. Where boots cannot be told apart commits wait for the disk.
 */
export function openCopyStore(place: string, boot = bootId()): Transport {
  if (boot === '') return openEmbedded(place);
  const file = join(place, BOOT);
  const before = readText(file);
  if (before !== null && before !== boot) rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  // before anything that does not wait
  if (before !== boot) writeFileSync(file, boot, { flush: true });
  return openEmbedded(place, { sync: false });
}
