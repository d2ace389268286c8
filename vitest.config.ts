import { defineConfig } from 'vitest/config';

/** Unit tests: beside the code, in every workspace. The limit is for machines that are slow or busy; a test takes seconds at most. */
export default defineConfig({
  test: {
    include: ['*/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', 'e2e/**'],
    allowOnly: false,
    passWithNoTests: false,
    testTimeout: 60_000,
  },
});
