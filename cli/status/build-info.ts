import type { Family } from './prometheus.ts';

export function buildInfo(version: string): Family {
  return {
    kind: 'gauge',
    name: 'millrace_build_info',
    help: 'The millrace that runs: always 1, its version in the label.',
    labels: ['version'],
    read: () => [[{ version }, 1]],
  };
}
