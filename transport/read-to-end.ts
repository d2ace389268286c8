import type { BatchView, Log, Reader } from './log.ts';

const MAX_BYTES = 1 << 20;
/** how long an append is waited for before looking again, ms */
const WAIT_MS = 100;

/** Hands on what a reader has yet to read of a partition, up to where that ends at the call, waiting for what is still on its way. A view stands during `take` only. */
export async function readToEnd(log: Log, topic: string, partition: number, reader: Reader, take: (view: BatchView) => void): Promise<void> {
  const end = { offset: await log.endOffset(topic, partition) };
  for (;;) {
    const since = log.version();
    for (let view = reader.poll(MAX_BYTES); view !== null; view = reader.poll(MAX_BYTES)) {
      take(view);
      view.release();
    }
    if (reader.reached(end)) return;
    await log.wait(WAIT_MS, since);
  }
}
