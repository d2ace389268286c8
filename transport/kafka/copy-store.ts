import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '@millrace/runtime/read-text.ts';
import { openEmbedded } from '../embedded/open.ts';
import { bootId } from '../embedded/process.ts';
import { storageFailure } from '../failures.ts';
import type { Transport } from '../log.ts';

/** the boot of the machine since which the store is written to */
const BOOT = 'boot';

/**
 * Opens what a copy of a ledger is kept in. Its commits do not wait for the disk, which would hold up the records of the thread: what a process wrote is there after its death,
 * but a crash of the machine may damage it. So one of an earlier boot begins anew, as the topic has all of it. Where boots cannot be told apart commits wait for the disk.
 * @throws MillraceError storage_unusable, storage_full …
 */
export function openCopyStore(place: string, boot = bootId()): Transport {
  if (boot === '') return openEmbedded(place);
  try {
    begin(place, boot);
  } catch (error) {
    throw storageFailure(error, place);
  }
  return openEmbedded(place, { sync: false });
}

/** Says of which boot it is, before anything in it does not wait for the disk. */
function begin(place: string, boot: string): void {
  const file = join(place, BOOT);
  const before = readText(file);
  if (before === boot) return;
  if (before !== null) rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  writeFileSync(file, boot, { flush: true });
}
