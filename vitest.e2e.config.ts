import { defineConfig } from 'vitest/config';

/** Black-box suites: real processes, one file at a time. */
export default defineConfig({
  test: { include: ['e2e/*.e2e.ts'], fileParallelism: false, testTimeout: 120_000, hookTimeout: 180_000, allowOnly: false, passWithNoTests: false },
});
