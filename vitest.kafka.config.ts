import { defineConfig } from 'vitest/config';

/** Suites against a real Kafka broker (`e2e/support/kafka.ts`), one file at a time. */
export default defineConfig({
  // timing on a shared machine is not ours: a test that fails there gets a second try, and the report names it
  test: {
    retry: process.env.CI ? 1 : 0,
    include: ['e2e/kafka/**/*.e2e.ts'],
    fileParallelism: false,
    // tests that say they can run beside each other mostly wait
    maxConcurrency: 12,
    testTimeout: 180_000,
    hookTimeout: 240_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
