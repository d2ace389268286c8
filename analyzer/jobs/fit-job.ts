import { createHash } from 'node:crypto';
import { probe } from '@millrace/runtime/probe.ts';
import { ByteReader, ByteWriter } from '@millrace/shared-schemas/bytes.ts';
import { decodeWord, encodeWord } from '../batch/words.ts';
import type { Dataset } from '../ml/dataset.ts';
import { chooseEngine } from '../ml/engines.ts';
import { type FitSettings, type Fitted, fit, type Unfitted } from '../ml/fit.ts';
import type { PartFiles } from './part-files.ts';

/** Fits a model over rows that lie beside the parts of its batch; the answer comes to lie there too. */
export interface FitJob {
  readonly batch: number;
  /** of the file with the rows: their hash and that of the settings is in it */
  readonly rows: string;
  readonly settings: FitSettings;
  readonly values: number;
}

/** name of the file with the answer */
export function answerName({ rows }: FitJob): string {
  return `${rows}.answer`;
}

/** Lays the rows down and says what is to be done with them. The same rows and settings are the same job. */
export function layFit(files: PartFiles, batch: number, dataset: Dataset, settings: FitSettings, values: number): FitJob {
  const bytes = encodeDataset(dataset);
  const hash = createHash('sha256')
    .update(bytes)
    .update(JSON.stringify([settings, values]))
    .digest('hex');
  const job = { batch, rows: `fit.${hash.slice(0, 32)}`, settings, values };
  if (!files.has(batch, job.rows)) files.write(batch, job.rows, bytes);
  return job;
}

/** Does it, unless it is done. `passed`: after each pass over the rows, how many there were. */
export async function workFit(files: PartFiles, job: FitJob, passed: (passes: number) => void): Promise<void> {
  if (files.has(job.batch, answerName(job))) return;
  const rows = files.read(job.batch, job.rows);
  // its batch is over
  if (rows === null) return;
  let passes = 0;
  const dataset = decodeDataset(rows);
  const answer = await fit(dataset, { ...job.settings, engine: await chooseEngine('auto', job.values) }, undefined, () => passed(++passes));
  probe('jobs.fitted');
  if (files.has(job.batch, job.rows)) files.write(job.batch, answerName(job), encodeWord(answer));
}

/** null when there is none yet */
export function answerOf(files: PartFiles, job: FitJob): Fitted | Unfitted | null {
  const bytes = files.read(job.batch, answerName(job));
  return bytes === null ? null : decodeWord<Fitted | Unfitted>(bytes);
}

function encodeDataset({ features, rows, columns, labels }: Dataset): Uint8Array {
  const bytes = new ByteWriter(rows * (8 * features.length + 1) + 1024);
  bytes.text(JSON.stringify(features));
  bytes.varint(rows);
  for (const column of columns) bytes.bytes(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  bytes.bytes(labels);
  return bytes.finish();
}

function decodeDataset(file: Uint8Array): Dataset {
  const bytes = new ByteReader(file);
  const features = JSON.parse(bytes.text()) as string[];
  const rows = bytes.varint();
  // copies, as a column has to begin at a multiple of 8
  const columns = features.map(() => new Float64Array(Uint8Array.from(bytes.bytes()).buffer));
  return { features, rows, columns, labels: Uint8Array.from(bytes.bytes()), weights: null };
}
