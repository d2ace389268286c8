import { file } from './file.ts';
import type { OutputSpec } from './output.ts';
import { topic } from './topic.ts';

/** Every type of output there is. */
export const outputSpecs: readonly OutputSpec[] = [topic, file] as unknown as readonly OutputSpec[];
