import type { Plan } from '@millrace/pipeline/plan.ts';
import type { Profile } from '@millrace/pipeline/profile.ts';
import type { FileMark, FileStamp } from '@millrace/transport/connectors/stamp.ts';
import type { Fence } from '@millrace/transport/log.ts';
import type { Layout } from './layout.ts';
import type { RunRecord } from './lifecycle.ts';
import type { Prepared } from './prepare.ts';
import { pipelineKey } from './task/store.ts';

/** What a host must know to open its tasks: plain data, sent to threads. */
export interface HostSetup {
  readonly plan: Plan;
  readonly profile: Profile;
  readonly dataDir: string;
  readonly layout: Layout;
  readonly run: RunRecord;
  readonly maxRecords: number;
  /** the last process died: each task takes little at a time until it has taken `maxRecords` */
  readonly wary: boolean;
  /** epoch ms at which paced records begin to come; null: when their reader opens */
  readonly begun: number | null;
  readonly careful: Prepared['careful'];
  /** where it is written down what is touched, while careful */
  readonly suspectKey: string;
  readonly fence: Fence | undefined;
  readonly stamps: Readonly<Record<string, FileStamp>>;
  /** id in the registry of the schema each Avro topic is written with */
  readonly schemaIds: Readonly<Record<string, number>>;
}

/** What is kept of a file source: how it was when first opened, and what stood before the place of the last snapshot. */
export interface FileRecord {
  readonly stamp: FileStamp;
  readonly mark: FileMark | null;
}

export function fileKey(pipeline: string, source: string): string {
  return pipelineKey(pipeline, 'file', encodeURIComponent(source));
}
