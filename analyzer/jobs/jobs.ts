import type { SchemaRegistry } from '@millrace/shared-schemas/registry/registry.ts';
import type { Claim } from '@millrace/transport/embedded/ownership.ts';
import type { Transport } from '@millrace/transport/log.ts';
import type { BatchesParts, Reading } from '../batch/batches.ts';
import type { Fit } from '../ml/fit.ts';

/** Thrown where it was told to stop while another had the role: there was nothing to do, and nothing is wrong. */
export class Dismissed extends Error {}

/** How the work of an analyzer is handed out. */
export interface Jobs {
  /** the role of the analyzer, once it is free; rejects with `Dismissed` */
  claim(transport: Transport, role: string): Promise<Claim>;
  /** Called once, by the owner of the checkpoint. `listened`: whose rows training learns from */
  reading(parts: Omit<BatchesParts, 'reading'>, registry: SchemaRegistry, listened: readonly string[]): Promise<Reading>;
  /** who fits models, where it can be done `here` as well */
  fitting(here: Fit): Fit;
  close(): Promise<void>;
}
