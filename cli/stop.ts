import type { Host } from './command.ts';

/** How long a graceful stop may take before the process goes anyway; everything committed by then stands. */
const PATIENCE_MS = 9_000;

/**
 * Turns Ctrl-C and SIGTERM into an abort, and a second Ctrl-C into an end at once (exit code 130). `onStop` is called at the
 * first signal, `onImpatient` when the graceful stop takes too long and the process is about to end with 0.
 */
export function stopOnSignal(
  host: Host,
  onStop: () => void = () => undefined,
  onImpatient: () => void = () => undefined,
): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const off = host.onSignal((signal) => {
    if (controller.signal.aborted) {
      if (signal === 'SIGINT') host.exit(130);
      return;
    }
    timer = setTimeout(() => {
      onImpatient();
      host.exit(0);
    }, PATIENCE_MS);
    timer.unref();
    onStop();
    controller.abort();
  });
  return {
    signal: controller.signal,
    dispose() {
      off();
      clearTimeout(timer);
    },
  };
}
