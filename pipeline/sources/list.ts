import { file } from './file.ts';
import { generator } from './generator.ts';
import type { SourceSpec } from './source.ts';
import { topic } from './topic.ts';

/** Every type of source there is. */
export const sourceSpecs: readonly SourceSpec[] = [topic, file, generator] as unknown as readonly SourceSpec[];
/** of the language, but not built yet */
export const sourcesNotYet: readonly string[] = ['http', 'socket'];
