import type { Clock } from '@millrace/runtime/clock.ts';
import { ConfluentRegistry } from './confluent.ts';
import { FileRegistry } from './file.ts';
import type { SchemaRegistry } from './registry.ts';
import type { RegistrySettings } from './rest.ts';

/** The registry that a profile names, or with none that of the data directory. Nobody is asked before the first call. */
export function openRegistry(settings: RegistrySettings | null, dataDir: string, clock: Clock): SchemaRegistry {
  return settings === null ? new FileRegistry(dataDir) : new ConfluentRegistry({ ...settings, clock });
}
