import { probe } from '@millrace/runtime/probe.ts';
import type { CheckpointReader } from '../batch/checkpoint.ts';
import type { Work } from './bullmq.ts';
import { type FitJob, workFit } from './fit-job.ts';
import { decodeJob, encodePart, partName } from './part.ts';
import type { PartFiles } from './part-files.ts';
import type { PartWorker } from './part-worker.ts';

/** What a worker does with a job: late, or for the second time, nothing. */
export function workOn({ checkpoint, files, worker }: { checkpoint: CheckpointReader; files: PartFiles; worker: PartWorker }): Work {
  return async (data, single, progress) => {
    if (single) return workFit(files, JSON.parse(data) as FitJob, progress);
    const job = decodeJob(data);
    const name = partName(job);
    const over = (): boolean => checkpoint.committed() >= job.batch || files.has(job.batch, name);
    if (over()) return;
    probe('jobs.begun');
    const part = encodePart(await worker.run(job));
    probe('jobs.worked');
    if (!over()) files.write(job.batch, name, part);
    probe('jobs.left');
  };
}

/** Shared by those who work for one checkpoint under one plan, and by nobody else. */
export function queueBase(pipeline: string, identity: string, planHash: string): string {
  return `${encodeURIComponent(pipeline)}.${identity}.${planHash.slice(0, 16)}`;
}
