import { defineConfig } from 'vitest/config';

/** Suites against a real Redis server (`e2e/support/redis.ts`), one file at a time. */
export default defineConfig({
  test: {
    include: ['e2e/redis/**/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 240_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
