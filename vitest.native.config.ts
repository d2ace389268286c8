import { defineConfig } from 'vitest/config';

/** Suites on native TensorFlow, which `scripts/tensorflow-setup.ts` builds where it is missing, one file at a time. */
export default defineConfig({
  test: {
    include: ['analyzer/ml/*.e2e.ts', 'e2e/native/*.e2e.ts'],
    globalSetup: ['scripts/tensorflow-setup.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 240_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
