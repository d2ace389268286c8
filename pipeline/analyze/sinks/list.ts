import { consoleSink } from './console.ts';
import { file } from './file.ts';
import type { SinkSpec } from './sink.ts';
import { topic } from './topic.ts';

/** Every type of sink there is. */
export const sinkSpecs: readonly SinkSpec[] = [topic, file, consoleSink] as unknown as readonly SinkSpec[];
/** of the language, but not built yet */
export const sinksNotYet: readonly string[] = ['sql', 'http', 'redis'];
