import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plan } from '@millrace/pipeline/plan.ts';
import { MillraceError } from '@millrace/runtime/errors.ts';
import type { Commit, Fence, Transport } from '@millrace/transport/log.ts';
import { catalogBytes, catalogKey, hashOf, readCatalog, tableKey, withContent } from './catalog.ts';

/**
 * Before anybody works: the tables' files as they are now count from the first record on. A content is kept in the ledger before any task sees it, so that a replay
 * finds what was in force. @throws MillraceError source_missing
 */
export async function keepTables({ name, tables }: Plan, transport: Transport, fence: Fence | undefined): Promise<void> {
  const before = readCatalog(transport.ledger, name);
  const puts: [string, Uint8Array][] = [];
  let catalog = before;
  for (const { id, path } of tables) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (cause) {
      throw new MillraceError('source_missing', `table ${id}: ${path} cannot be read`, { cause });
    }
    const hash = createHash('sha256').update(bytes).digest('hex');
    const now = catalog.named[id];
    if (now !== undefined && hashOf(now) === hash) continue;
    const next = withContent(catalog, id, hash);
    puts.push([tableKey(name, next.version), bytes]);
    catalog = next.catalog;
  }
  if (catalog === before) return;
  const all: Commit['puts'] = [...puts, [catalogKey(name), catalogBytes(catalog)]];
  await transport.commit({ appenders: [], puts: all, ...(fence ? { fence } : {}) });
}
