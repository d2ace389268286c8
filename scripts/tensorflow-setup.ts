import type { TestProject } from 'vitest/node';
import { directory, ensureTensorFlow } from './tensorflow.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** why native TensorFlow is not to be had here, in one line; null: MILLRACE_TENSORFLOW names where it is */
    tensorflowLack: string | null;
  }
}

/** For `vitest.native.config.ts`: builds native TensorFlow, once a machine. Where that cannot be its suites are skipped and say why; in CI it is an error. */
export async function setup({ provide }: TestProject): Promise<void> {
  const lack = await ensureTensorFlow((text) => process.stderr.write(text));
  if (lack !== null && process.env['CI'] === 'true') throw new Error(`native TensorFlow cannot be built: ${lack}`);
  if (lack === null) process.env['MILLRACE_TENSORFLOW'] = directory;
  else process.stderr.write(`native TensorFlow cannot be built: ${lack}; its suites are skipped\n`);
  provide('tensorflowLack', lack);
}
