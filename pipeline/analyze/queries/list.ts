import { aggregate } from './aggregate.ts';
import type { QuerySpec } from './query.ts';
import { score } from './score.ts';
import { sql } from './sql.ts';

/** Every type of query there is. */
export const querySpecs: readonly QuerySpec[] = [aggregate, sql, score] as unknown as readonly QuerySpec[];
/** of the language, but not built yet */
export const queriesNotYet: readonly string[] = ['join', 'dedupe'];
