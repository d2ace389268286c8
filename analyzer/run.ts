import { Dismissed } from './jobs/jobs.ts';
import type { OpenTraining } from './ml/training.ts';
import type { OpenJobs } from './open.ts';
import type { AnalyzeOptions, AnalyzeProgress } from './run-options.ts';
import { serveTerm } from './term.ts';
import { NOTHING_DONE } from './totals.ts';
import { trainModels } from './training/train-models.ts';

/** Runs the analyzer of a plan until its signal, its end (`untilEnd`, or as its trigger says) or an error (`MillraceError`, or a defect). */
export async function analyze(
  options: AnalyzeOptions,
  openTraining: OpenTraining | null = trainModels(options.plan.models, options.onEvent),
  openJobs?: OpenJobs,
): Promise<AnalyzeProgress> {
  // it is awaited later
  options.untilEnd?.catch(() => {});
  // on Kafka processes have one analyzer between them; the client is loaded only there
  if (options.profile.transport.kafka !== null && !options.transport) return (await import('./group/run.ts')).analyzeInGroup(options, openTraining, openJobs);
  try {
    return await serveTerm(options, openTraining, openJobs);
  } catch (error) {
    if (!(error instanceof Dismissed)) throw error;
    options.onProgress(NOTHING_DONE);
    return NOTHING_DONE;
  }
}
