import { defineConfig } from 'vitest/config';

/** The stack of docker-compose.yml: what the file says, and its services as processes of this machine. */
export default defineConfig({
  // timing on a shared machine is not ours: a test that fails there gets a second try, and the report names it
  test: {
    retry: process.env.CI ? 1 : 0,
    include: ['e2e/compose/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 240_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
