import { defineConfig } from 'vitest/config';

/** Unit tests: beside the code, in every workspace. */
export default defineConfig({
  test: { include: ['*/**/*.test.ts'], exclude: ['**/node_modules/**', '**/dist/**', 'e2e/**'], allowOnly: false, passWithNoTests: false },
});
